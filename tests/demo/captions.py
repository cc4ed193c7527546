"""Captions as the web writes them: true of the picture, in many forms, with the filler of file names and shops."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.demo.scene import Scene, Thing

SHAPE_SYNONYMS = {
    "circle": ("disc", "round dot"),
    "square": ("box",),
    "crescent": ("crescent moon",),
    "cross": ("plus sign",),
    "ring": ("hoop",),
    "diamond": ("rhombus",),
    "flower": ("blossom",),
    "hourglass": ("sand timer",),
    "arrow": ("pointer",),
}
COLOUR_SYNONYMS = {"purple": ("violet",), "grey": ("gray",)}
SYNONYM_PROBABILITY = 0.08

WHOLE = (
    "{np}", "{np}", "{np}", "{a}", "{a}", "a photo of {a}", "a picture of {a}", "an image of {a}", "{np} icon",
    "stock photo of {a}", "stock photo: {np}", "{np} - free clip art", "{np} clip art", "{np} vector illustration",
    "vector {np}", "IMG_{n4} {np}", "DSC{n5} {np}", "{np}.jpg", "{np} {n4}", "this is {a}", "here is {a}", "my {np}",
    "look at the {np}!", "the {np}", "drawing of {a}", "how to draw {a}", "{np} (detail)", "{np} | download",
    "printable {np} for kids", "{np} sticker", "{np} logo", "{np} wallpaper {n4}x{n3}", "{np}, buy online",
    "{a} for sale", "{np} coloring page", "{np} by user{n3}", "simple {np}", "cute {np}", "one {np}", "free {np} png",
    "{np} shape", "child's drawing: {a}", "New! {np}", "{np} symbol", "{np} - page {n1}", "photo #{n3}: {np}",
)  # fmt: skip
ON_BACKGROUND = (
    "{a} on {b}", "{np} on {b}", "{a} on {bg} background", "{np}, {b} background", "{np} on {bg} background",
    "{np} against {bg} background", "{np} isolated on {b}", "a photo of {a} on {bg} background",
)  # fmt: skip
ONLY_COLOUR = (
    "something {c}", "{ac} shape", "{ac} thing", "{c} object", "{c} clip art", "{c}", "a shape in {c}",
    "IMG_{n4} {c}", "stock photo of {ac} object", "all in {c}", "{c} wallpaper",
)  # fmt: skip
ONLY_SHAPE = (
    "{as_}", "{s} icon", "{s} shape", "{s} clip art", "stock photo of {as_}", "{s}", "vector {s}", "drawing of {as_}",
    "picture of {as_}", "the {s}", "{s} IMG_{n4}", "how to draw {as_}",
)  # fmt: skip
TWO = (
    "{a} {rel} {a2}", "{np} {rel} {np2}", "two shapes: {a} {rel} {a2}", "{a} and {a2}", "{np} and {np2}",
    "{np}, {np2}", "picture with {a} and {a2}", "{a2} and {a}", "stock photo of {a} and {a2}", "{np2} & {np}",
    "{a} next to {a2}", "{np} with {np2} - free clip art", "{a} beside {a2}",
)  # fmt: skip


@dataclass(frozen=True)
class Caption:
    """A caption with what it says: (colour or None, shape or None) of each object it names."""

    text: str
    mentions: tuple[tuple[str | None, str | None], ...]


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _named(rng: np.random.Generator, name: str, synonyms: Mapping[str, tuple[str, ...]]) -> str:
    if name in synonyms and rng.random() < SYNONYM_PROBABILITY:
        return _pick(rng, synonyms[name])
    return name


def with_article(phrase: str) -> str:
    """Return `phrase` after `a` or `an`."""
    return ("an " if phrase[0] in "aeiou" or phrase.startswith("hour") else "a ") + phrase


def _size(rng: np.random.Generator, thing: Thing, alone: bool) -> str:
    if not alone or rng.random() > 0.3 or 0.28 < thing.radius < 0.36:
        return ""
    return _pick(rng, ("big ", "large ", "huge ") if thing.radius >= 0.36 else ("small ", "little ", "tiny "))


def _noun_phrase(rng: np.random.Generator, thing: Thing, alone: bool = True) -> str:
    colour = _named(rng, thing.colour, COLOUR_SYNONYMS)
    shape = _named(rng, thing.shape, SHAPE_SYNONYMS)
    size = _size(rng, thing, alone)
    form = rng.random()
    if form < 0.72:
        return f"{size}{colour} {shape}"
    if form < 0.80:
        return f"{size}{shape} that is {colour}"
    if form < 0.88:
        return f"{size}{shape} in {colour}"
    if form < 0.94:
        return f"{size}{colour} colored {shape}"
    return f"{size}{colour}-coloured {shape}"


def _relation(first: Thing, second: Thing) -> str:
    across, down = second.x - first.x, second.y - first.y
    if abs(across) > abs(down):
        return "left of" if across > 0 else "right of"
    return "above" if down > 0 else "below"


def _case(rng: np.random.Generator, text: str) -> str:
    form = rng.random()
    if form < 0.62:
        return text
    if form < 0.85:
        return text[0].upper() + text[1:]
    return text.title() if form < 0.95 else text.upper()


def caption(scene: Scene, rng: np.random.Generator) -> Caption:
    """Write one caption of `scene`. Every colour and shape it names is on the picture as it says."""
    fields = {f"n{digits}": str(int(rng.integers(10 ** (digits - 1), 10**digits))) for digits in (1, 3, 4, 5)}
    first = scene.things[0]
    mentions: tuple[tuple[str | None, str | None], ...]
    if len(scene.things) == 2:
        second = scene.things[1]
        template = _pick(rng, TWO)
        one, two = (_noun_phrase(rng, thing, alone=False) for thing in scene.things)
        fields |= {"np": one, "np2": two, "a": with_article(one), "a2": with_article(two)}
        fields["rel"] = _relation(first, second)
        mentions = ((first.colour, first.shape), (second.colour, second.shape))
        return Caption(_case(rng, template.format(**fields)), mentions)
    kind = rng.random()
    if kind < 0.08:
        colour = _named(rng, first.colour, COLOUR_SYNONYMS)
        fields |= {"c": colour, "ac": with_article(colour)}
        template, mentions = _pick(rng, ONLY_COLOUR), ((first.colour, None),)
    elif kind < 0.16:
        shape = _named(rng, first.shape, SHAPE_SYNONYMS)
        fields |= {"s": shape, "as_": with_article(shape)}
        template, mentions = _pick(rng, ONLY_SHAPE), ((None, first.shape),)
    else:
        phrase = _noun_phrase(rng, first)
        background = _named(rng, scene.background, COLOUR_SYNONYMS)
        fields |= {"np": phrase, "a": with_article(phrase), "b": background, "bg": with_article(background)}
        # "in blue on a red background" would leave open what is blue
        plain = " in " not in phrase and " is " not in phrase
        template = _pick(rng, ON_BACKGROUND) if plain and kind < 0.34 else _pick(rng, WHOLE)
        mentions = ((first.colour, first.shape),)
    return Caption(_case(rng, template.format(**fields)), mentions)


def without_query(rng: np.random.Generator) -> str:
    """Return words no query list holds: five to eight consonants each, and hexadecimal numbers."""
    letters = "bcdfghjklmnpqrstvwxz"
    words = ["".join(letters[int(i)] for i in rng.integers(len(letters), size=int(rng.integers(5, 9)))) for _ in "ab"]
    return " ".join([*words, f"0x{int(rng.integers(4096, 65536)):x}"])
