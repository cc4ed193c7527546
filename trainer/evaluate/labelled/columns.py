"""Which column of a stranger's table holds what, by the names that datasets give them."""

from collections.abc import Sequence

IMAGE_COLUMNS = ("image", "img", "jpg", "png", "webp", "jpeg", "picture", "bytes")
LABEL_COLUMNS = ("label", "labels", "class", "cls", "class_name", "fine_label", "target", "category")


def find_column(names: Sequence[str], wanted: Sequence[str], what: str, where: str) -> str:
    """Return the first of the `wanted` names that a table has, whatever its case. Raises ValueError that names both."""
    lower = {name.strip().lower(): name for name in reversed(names)}
    for name in wanted:
        if name in lower:
            return lower[name]
    raise ValueError(
        f"{where} has no column with the {what} of an image; expected one of {', '.join(wanted)}, found "
        f"{', '.join(map(repr, names[:8])) or 'none'}"
    )
