"""Arguments of a command in, its config out: tyro's parser, with a help made of the docstrings under the options.

A config made of several groups of options (`schemas.option_group`) has a box for each in its help, headed by the
group's docstring. tyro breaks lines of a docstring where the source does; here the terminal's width does. Imports
nothing that is slow.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from inspect import cleandoc, get_annotations
from typing import Annotated, Any, get_type_hints

import docstring_parser
import tyro
from tyro.constructors import ConstructorRegistry, StructConstructorSpec, StructFieldSpec, StructTypeInfo

_REQUIRED = tyro.constructors.MISSING_NONPROP


def read_options(command: Any, *, prog: str, arguments: Sequence[str], description: str | None = None) -> Any:
    """Return the config that `arguments` give: of the class `command`, or of one of a union of subcommands.

    Help, and what is wrong with an argument, are printed and end the process, as tyro does.
    """
    return tyro.cli(command, prog=prog, description=description, args=arguments, registry=_registry())


def flowing(docstring: str) -> str:
    """Return the text with its paragraphs in one line each: the terminal's width breaks lines, not the source's."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", cleandoc(docstring))


@cache
def _registry() -> ConstructorRegistry:
    registry = ConstructorRegistry()
    registry.struct_rule(_rule)
    return registry


class _Box:
    """In place of a group of options: they are parsed to a dict, since the config as a whole checks them."""

    config: type
    group: type


def _rule(info: StructTypeInfo) -> StructConstructorSpec | None:
    """Tell tyro of the options of a dataclass, or of a box of them."""
    found = info.type
    if isinstance(found, type) and issubclass(found, _Box):
        return StructConstructorSpec(dict, _options(found.config, _names(found.config, found.group)))
    if not dataclasses.is_dataclass(found) or hasattr(found, "__parameters__"):
        return None  # what is generic is tyro's own, around a union of subcommands
    groups = [group for group in reversed(found.__mro__) if _names(found, group)]
    if len(groups) < 2:
        return StructConstructorSpec(found, _options(found, [field.name for field in dataclasses.fields(found)]))
    boxes = tuple(_box(found, group) for group in groups if group is not found)
    return StructConstructorSpec(_joined(found), boxes + _options(found, _names(found, found)))


def _names(config: Any, group: type) -> list[str]:
    """Return the options of the config that this class among its ancestors defines, and none nearer to it."""
    return [
        field.name
        for field in dataclasses.fields(config)
        if next(one for one in config.__mro__ if field.name in get_annotations(one)) is group
    ]


def _box(config: type, group: type) -> StructFieldSpec:
    name = "_".join(re.findall("[A-Z][a-z]*", group.__name__.removesuffix("Options"))).lower()
    box: Any = type(name, (_Box,), {"config": config, "group": group})
    hint: Any = Annotated[box, tyro.conf.OmitArgPrefixes]
    return StructFieldSpec(name, hint, tyro.MISSING, flowing(group.__doc__ or ""))


def _joined(config: type) -> Callable[..., Any]:
    """Return what makes the config of its boxes' options and its own; tyro describes the command by its docstring."""

    def joined(**parts: Any) -> Any:
        options: dict[str, Any] = {}
        for name, value in parts.items():
            options.update(value if isinstance(value, dict) else {name: value})
        return config(**options)

    joined.__doc__ = config.__doc__
    return joined


def _options(config: Any, names: Sequence[str]) -> tuple[StructFieldSpec, ...]:
    hints = get_type_hints(config, include_extras=True)
    defaults = {field.name: _default(field) for field in dataclasses.fields(config)}
    return tuple(
        StructFieldSpec(name, _shown(hints[name], defaults[name]), defaults[name], partial(_helptext, config, name))
        for name in names
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return _REQUIRED


def _shown(hint: Any, default: Any) -> Any:
    """Return the type as tyro is to show it: where there is no default to tell, "optional" or "required" stands."""
    if default is None:
        return Annotated[hint, tyro.conf.DisallowNone, tyro.conf.arg(help_behavior_hint="(optional)")]
    if default in ((), "", _REQUIRED):
        told = "(required)" if default is _REQUIRED else "(optional)"
        return Annotated[hint, tyro.conf.arg(help_behavior_hint=told)]
    return hint


def _helptext(config: type, name: str) -> str | None:
    return next((texts[name] for group in config.__mro__ if name in (texts := _docstrings(group))), None)


@cache
def _docstrings(config: type) -> dict[str, str]:
    """Return the docstring under each option that stands in this class itself."""
    if not dataclasses.is_dataclass(config):
        return {}
    told = docstring_parser.parse_from_object(config).params
    return {one.arg_name: flowing(one.description) for one in told if one.description}
