"""The options of the filters: all off unless asked for."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """What a pair must be to be matched."""
