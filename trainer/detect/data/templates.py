"""The prompts that categories and queries are put into."""

from trainer.evaluate.prompts import read_templates

DEFAULT = (
    "a photograph of a {}.", "a blurred picture of the {}.", "a {} made of paper.", "the large {} in a photograph.",
    "a {} as a computer game shows it.", "a drawing of the {}.", "a small {} among other things.",
)  # fmt: skip
"""Seven of this project: photographed well or badly, large or small, drawn, made, rendered. OWL-ViT asks with as
many of the same kinds, chosen from CLIP's 80."""


def find_templates(path: str | None) -> list[str]:
    """Return those of a file or a named set, or the default ones. Raises ValueError or FileNotFoundError."""
    return list(DEFAULT) if path is None else read_templates(path)
