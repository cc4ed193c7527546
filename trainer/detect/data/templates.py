"""The prompts that categories and queries are put into."""

from trainer.evaluate.prompts import read_templates

DEFAULT = (
    "itap of a {}.", "a bad photo of the {}.", "a origami {}.", "a photo of the large {}.", "a {} in a video game.",
    "art of the {}.", "a photo of the small {}.",
)  # fmt: skip
"""The seven of CLIP's 80 that do best together, by its authors' notebook; OWL-ViT asks with these."""


def find_templates(path: str | None) -> list[str]:
    """Return those of a file or a named set, or the default ones. Raises ValueError or FileNotFoundError."""
    return list(DEFAULT) if path is None else read_templates(path)
