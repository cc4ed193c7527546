"""Scenes: what is on a picture, as a pure function of (seed, kind, number)."""

from dataclasses import dataclass

import numpy as np

from tests.demo.vocabulary import (
    BACKGROUNDS,
    COLOUR_JITTER,
    COLOURS,
    PLAIN_BACKGROUNDS,
    Combination,
    held_out,
    in_training,
)

RGB = tuple[int, int, int]

TRAINING, EVALUATION = 0, 1
"""Kinds of scenes: of combinations in training, one or two objects; of held-out ones, one object."""

MIN_COLOUR_DISTANCE = 120.0
"""Euclidean RGB distance an object keeps from its background."""


@dataclass(frozen=True)
class Thing:
    """One object of a scene. Positions and radius are fractions of the picture's shorter side."""

    colour: str
    shape: str
    rgb: RGB
    x: float
    y: float
    radius: float
    angle: float
    """Radians."""


@dataclass(frozen=True)
class Scene:
    """What one picture shows."""

    number: int
    width_px: int
    height_px: int
    background: str
    background_rgb: RGB
    texture: str
    """`flat`, `gradient` or `noise`."""
    things: tuple[Thing, ...]


def scene(seed: int, kind: int, number: int) -> Scene:
    """Return scene `number`; numbers one after the other take all combinations of the kind in turn."""
    rng = np.random.default_rng([seed, kind, number])
    allowed = in_training() if kind == TRAINING else held_out()
    first = allowed[number % len(allowed)]
    chosen = [first]
    if kind == TRAINING and number % 7 == 3:
        # The second object differs in colour and in shape, so that a caption can name either without doubt.
        others = [other for other in allowed if other[0] != first[0] and other[1] != first[1]]
        chosen.append(others[int(rng.integers(len(others)))])
    side = int(rng.integers(64, 81))
    long = side + int(rng.integers(4, 17)) if rng.random() < 0.2 else side
    width, height = (long, side) if rng.random() < 0.5 else (side, long)
    things = _two(rng, chosen) if len(chosen) == 2 else (_one(rng, chosen[0]),)
    background, rgb = _background(rng, things)
    texture = ("flat", "flat", "gradient", "noise")[int(rng.integers(4))]
    return Scene(number, width, height, background, rgb, texture, things)


def _thing(rng: np.random.Generator, combination: Combination, x: float, y: float, radius: float) -> Thing:
    colour, shape = combination
    jitter = rng.integers(-COLOUR_JITTER, COLOUR_JITTER + 1, size=3)
    red, green, blue = (max(0, min(255, value + int(change))) for value, change in
                        zip(COLOURS[colour], jitter, strict=True))  # fmt: skip
    angle = float(rng.uniform(-0.2, 0.2))
    if shape == "arrow":  # an arrow points anywhere; a diamond must not become a square
        angle += float(rng.integers(4)) * np.pi / 2
    return Thing(colour, shape, (red, green, blue), x, y, radius, angle)


def _one(rng: np.random.Generator, combination: Combination) -> Thing:
    radius = float(rng.uniform(0.22, 0.42))
    room = 0.5 - radius - 0.03
    x, y = (0.5 + float(rng.uniform(-room, room)) for _ in range(2))
    return _thing(rng, combination, x, y, radius)


def _two(rng: np.random.Generator, chosen: list[Combination]) -> tuple[Thing, ...]:
    radii = rng.uniform(0.17, 0.225, size=2)
    across = rng.uniform(0.35, 0.65, size=2)
    along = (0.25, 0.75) if rng.random() < 0.5 else (0.75, 0.25)
    lying = rng.random() < 0.5
    return tuple(
        _thing(rng, combination, *((along[i], float(across[i])) if lying else (float(across[i]), along[i])),
               float(radii[i]))
        for i, combination in enumerate(chosen)
    )  # fmt: skip


def _background(rng: np.random.Generator, things: tuple[Thing, ...]) -> tuple[str, RGB]:
    taken = {thing.colour for thing in things}
    names = [
        name
        for name, rgb in BACKGROUNDS.items()
        if name not in taken
        and all(np.linalg.norm(np.subtract(rgb, thing.rgb)) >= MIN_COLOUR_DISTANCE for thing in things)
    ]
    if rng.random() < 0.5:
        names = [name for name in names if name in PLAIN_BACKGROUNDS] or names
    name = names[int(rng.integers(len(names)))]
    return name, BACKGROUNDS[name]
