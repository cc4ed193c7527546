"""What the demo's pictures can show: shapes, colours, and the combinations that training never sees."""

SHAPES = (
    "circle", "square", "triangle", "star", "heart", "crescent",
    "cross", "arrow", "ring", "diamond", "flower", "hourglass",
)  # fmt: skip

COLOURS = {
    "red": (214, 30, 36),
    "orange": (250, 140, 14),
    "yellow": (250, 226, 30),
    "green": (34, 150, 52),
    "blue": (34, 76, 222),
    "purple": (128, 38, 172),
    "pink": (252, 150, 196),
    "brown": (112, 66, 28),
    "black": (16, 16, 18),
    "white": (248, 248, 248),
}
"""Colour names with their RGB; a drawn object differs from it by at most `COLOUR_JITTER` in each channel."""

COLOUR_JITTER = 10

BACKGROUNDS = {
    **COLOURS,
    "grey": (128, 130, 134),
    "beige": (232, 214, 180),
    "teal": (20, 128, 128),
    "navy": (20, 28, 84),
    "silver": (192, 194, 198),
}
"""Backgrounds have the objects' colours and some of their own."""

PLAIN_BACKGROUNDS = ("grey", "beige", "silver", "navy", "white", "black")
"""Half of all pictures choose among these, as the backgrounds of most pictures are no strong colour."""

Combination = tuple[str, str]
"""(colour, shape)."""


def combinations() -> list[Combination]:
    """Return all 120 combinations, in the order of the classes."""
    return [(colour, shape) for colour in COLOURS for shape in SHAPES]


def held_out() -> list[Combination]:
    """Return the 24 combinations (20 %) left out of training.

    Two colours for each shape and two or three shapes for each colour, so that every colour and every
    shape stays about equally frequent in training.
    """
    names, size = list(COLOURS), len(SHAPES)
    chosen = {(names[3 * k % len(names)], SHAPES[k % size]) for k in range(2 * size)}
    return [combination for combination in combinations() if combination in chosen]


def in_training() -> list[Combination]:
    """Return the 96 combinations that training shows."""
    missing = set(held_out())
    return [combination for combination in combinations() if combination not in missing]
