"""Prompt templates: those of this project by name or those of a file in, prompts of classes out.

The named ones are files of `templates/`, a prompt a line with ``{}`` for the class: ``general``, 80 of photographs,
drawings, sizes, qualities and surroundings, and one set each for kinds of datasets whose classes need to be told what
they are (CLIP, section 3.1.4: "a type of pet", "a satellite photo of a {}").
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from schemas.existing_paths import is_file
from trainer.evaluate.class_names import ClassNames, read_lines

PLACE = "{}"
"""Where a template takes the class name."""
NAMED_DIR = Path(__file__).parent / "templates"


def named_templates() -> list[str]:
    """Return the names of the sets that the package has, sorted."""
    return sorted(path.stem for path in NAMED_DIR.glob("*.txt"))


def read_templates(templates: str, option: str = "--templates") -> list[str]:
    """Return the templates of a named set, or of a file (``./general`` is a file of that name).

    Raises FileNotFoundError that names the sets, ValueError with the line number for a template without ``{}``.
    """
    if templates in named_templates():
        path = str(NAMED_DIR / f"{templates}.txt")
    elif is_file(templates):
        path = templates
    else:
        raise FileNotFoundError(
            f"{option}: no such file {templates!r}; expected a file, or one of {', '.join(named_templates())}"
        )
    lines = read_lines(path, option)
    for number, template in lines:
        if PLACE not in template:
            raise ValueError(
                f"{option}: {path}, line {number}: expected a prompt with {PLACE} for the class, found {template!r}"
            )
    return [template for _, template in lines]


def prompts(classes: ClassNames, templates: list[str]) -> Iterator[str]:
    """Yield every template with every class name in it, the names and templates of one class together."""
    for names in classes.names:
        for name in names:
            for template in templates:
                yield template.replace(PLACE, name.replace("_", " "))


def prompts_sha256(classes: ClassNames, templates: list[str]) -> str:
    """Return the SHA-256 of classes and templates, for the record of a run."""
    return hashlib.sha256(json.dumps([classes.titles, classes.names, classes.folders, templates]).encode()).hexdigest()


def prompt_counts(classes: ClassNames, templates: list[str]) -> list[int]:
    """Return how many prompts each class has."""
    return [len(names) * len(templates) for names in classes.names]
