"""Templates by name or of a file; prompts of all names of all classes."""

from pathlib import Path

import pytest

from trainer.evaluate.class_names import ClassNames
from trainer.evaluate.prompts import PLACE, named_templates, prompt_counts, prompts, read_templates


@pytest.mark.parametrize("name", named_templates())
def test_named_sets_are_prompts_that_differ(name: str) -> None:
    templates = read_templates(name)
    assert all(template.count(PLACE) == 1 for template in templates)
    assert len(set(templates)) == len(templates)


def test_the_general_set_has_80() -> None:
    assert len(read_templates("general")) == 80
    assert {"general", "satellite", "food", "pets", "aircraft", "textures", "actions", "cars", "flowers", "digits",
            "signs", "medical"} <= set(named_templates())  # fmt: skip


def test_a_file_goes_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("general").write_text("my {}\n")
    assert read_templates("./general") == ["my {}"]
    assert len(read_templates("general")) == 80
    with pytest.raises(FileNotFoundError, match="no such file 'food2'; expected a file, or one of actions, "):
        read_templates("food2")


def test_all_names_of_a_class_are_in_its_prompts() -> None:
    classes = ClassNames(["kitten", "dog"], [("kitten", "young_cat"), ("dog",)], ["kitten", "dog"])
    assert list(prompts(classes, ["a {}", "{}!"])) == [
        "a kitten", "kitten!", "a young cat", "young cat!", "a dog", "dog!",
    ]  # fmt: skip
    assert prompt_counts(classes, ["a {}", "{}!"]) == [4, 2]
