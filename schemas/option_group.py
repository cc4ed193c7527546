"""Groups of options: a command's config is made of some, and none of their checks can be forgotten.

class SourceOptions(OptionGroup): ...      its fields, and `_check` where their values must be checked
class CollectOptions(FilterOptions, SourceOptions): ...      both checks run, then its own `_check`
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

Config = TypeVar("Config", bound="OptionGroup")


@dataclass(frozen=True, kw_only=True)
class OptionGroup:
    """A frozen dataclass of options. Its subclasses check their own fields in `_check`, which raises ValueError."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a class whose own ``__post_init__`` would run in place of all checks."""
        super().__init_subclass__(**kwargs)
        for group in cls.__mro__:
            if group is not OptionGroup and "__post_init__" in vars(group):
                raise TypeError(f"{group.__qualname__}: name __post_init__ _check, which every config calls by itself")

    def __post_init__(self) -> None:
        """Call the check of every group this config is made of once, in the order of the options in ``--help``."""
        for group in reversed(type(self).__mro__):
            check = vars(group).get("_check")
            if check is not None:
                check(self)


def check_at_least(options: OptionGroup, least: Mapping[str, float]) -> None:
    """Raise ValueError that names the first option below its `least` value; one that is None was not given."""
    for name, lowest in least.items():
        value = getattr(options, name)
        if value is not None and not value >= lowest:  # what is no number is not either
            raise ValueError(f"{name} must be at least {lowest}, found {value!r}")


def check_between(options: OptionGroup, **bounds: tuple[float, float]) -> None:
    """Raise ValueError that names the first option outside its bounds (lowest, highest); None was not given."""
    for name, (low, high) in bounds.items():
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise ValueError(f"{name} must be in {low} .. {high}, found {value!r}")


def stage_config(stage: type[Config], options: OptionGroup, **given: Any) -> Config:
    """Return the config of a stage: `given`, and whatever else it has from the field of that name in `options`.

    A field of the stage that is in neither is an error: its default would pass over what the user asked for.
    """
    names = [field.name for field in fields(stage) if field.name not in given]
    missing = set(names) - {field.name for field in fields(options)}
    assert not missing, f"{type(options).__name__} has no {', '.join(sorted(missing))} for {stage.__name__}"
    return stage(**{name: getattr(options, name) for name in names}, **given)
