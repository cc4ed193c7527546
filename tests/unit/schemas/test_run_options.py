"""An option is part of a run's identity unless its field is marked."""

from dataclasses import dataclass

from schemas.run_options import NotIdentity, identity_options


@dataclass(frozen=True, kw_only=True)
class Deep:
    """A part of a config."""

    rule: str = "normalised"


@dataclass(frozen=True, kw_only=True)
class Base:
    """Options that commands share."""

    output: NotIdentity[str]
    cap: int = 5


@dataclass(frozen=True, kw_only=True)
class Config(Base):
    """Options of a command."""

    deep: Deep = Deep()
    names: tuple[str, ...] = ("a",)
    num_processes: NotIdentity[int] = 0


def test_marked_fields_are_left_out_inherited_ones_too() -> None:
    assert identity_options(Config(output="/x")) == {"cap": 5, "deep": {"rule": "normalised"}, "names": ("a",)}


def test_a_marked_field_keeps_its_value() -> None:
    assert (Config(output="/x").output, Config(output="/x", num_processes=3).num_processes) == ("/x", 3)
    assert identity_options(Config(output="/x")) == identity_options(Config(output="/y", num_processes=3))
    assert identity_options(Config(output="/x")) != identity_options(Config(output="/x", cap=6))
