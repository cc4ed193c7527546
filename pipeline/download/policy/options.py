"""The options of `pipeline download` that say which wishes of publishers are obeyed."""

from dataclasses import dataclass

from schemas.option_group import OptionGroup


@dataclass(frozen=True, kw_only=True)
class PolicyOptions(OptionGroup):
    """Which machine-readable wishes opt an image out."""

    disallowed_header_directives: tuple[str, ...] = ("noai", "noimageai", "noindex", "noimageindex")
    """X-Robots-Tag directives that opt an image out (img2dataset's list); none: ignore the header."""
