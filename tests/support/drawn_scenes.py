"""Drawn scenes with boxes: coloured shapes on noisy grounds, the same for the same seed.

For a model's pictures with captions (`captioned`), and for detection as COCO files (`write_scenes`). Classes are pairs
of a colour and a shape; those of `UNSEEN` stand in no annotations that a detector is trained on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 40, 40), "green": (40, 170, 60), "blue": (50, 80, 220), "yellow": (235, 215, 50),
    "purple": (150, 60, 180), "orange": (240, 140, 40),
}  # fmt: skip
SHAPES = ("circle", "square", "triangle", "cross")
CLASSES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
UNSEEN = tuple(f"{colour} {SHAPES[number % len(SHAPES)]}" for number, colour in enumerate(COLOURS))
SEEN = tuple(name for name in CLASSES if name not in UNSEEN)

_TRIES = 40
"""How often a shape is placed anew before a scene is left with fewer."""


@dataclass(frozen=True)
class Scene:
    """A picture and what stands in it."""

    image: Image.Image
    classes: tuple[str, ...]
    boxes: tuple[tuple[int, int, int, int], ...]
    """x, y, width, height in pixels, as COCO has them."""


def _outline(shape: str, x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    """Return the polygon of a shape that fills its box."""
    if shape == "triangle":
        return [(x + width / 2, y), (x + width - 1, y + height - 1), (x, y + height - 1)]
    if shape == "cross":
        unit = [(1, 0), (2, 0), (2, 1), (3, 1), (3, 2), (2, 2), (2, 3), (1, 3), (1, 2), (0, 2), (0, 1), (1, 1)]
        return [(x + a * (width - 1) / 3, y + b * (height - 1) / 3) for a, b in unit]
    if shape == "circle":
        turns = [2 * pi * step / 48 for step in range(48)]
        return [(x + (width - 1) * (1 + cos(t)) / 2, y + (height - 1) * (1 + sin(t)) / 2) for t in turns]
    return [(x, y), (x + width - 1, y), (x + width - 1, y + height - 1), (x, y + height - 1)]


def draw_scene(rng: np.random.Generator, names: Sequence[str], *, side_px: int, least_px: int, most_px: int) -> Scene:
    """Return a scene of `side_px` pixels with a shape for each of `names` where there is room: no two boxes meet."""
    ground = rng.integers(90, 200, size=3) + rng.integers(-12, 13, size=(side_px, side_px, 3))
    image = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    boxes: list[tuple[int, int, int, int]] = []
    drawn: list[str] = []
    for name in names:
        colour, shape = name.split()
        for _ in range(_TRIES):
            width = height = int(rng.integers(least_px, most_px + 1))
            x, y = (int(rng.integers(0, side_px - size + 1)) for size in (width, height))
            if all(x + width < a or a + c < x or y + height < b or b + d < y for a, b, c, d in boxes):
                ink = np.clip(np.array(COLOURS[colour]) + rng.integers(-15, 16, size=3), 0, 255)
                pen.polygon(_outline(shape, x, y, width, height), fill=tuple(ink.tolist()))
                boxes.append((x, y, width, height))
                drawn.append(name)
                break
    return Scene(image, tuple(drawn), tuple(boxes))


def single(seed: int, *, side_px: int = 48) -> tuple[Image.Image, str]:
    """Return a picture of one shape of any class, and its class."""
    rng = np.random.default_rng((7, seed))
    name = CLASSES[int(rng.integers(len(CLASSES)))]
    least_px, most_px = side_px // 4, side_px - side_px // 8
    return draw_scene(rng, [name], side_px=side_px, least_px=least_px, most_px=most_px).image, name


def captioned(seed: int, *, side_px: int = 48) -> tuple[Image.Image, str]:
    """Return a picture of one or two shapes of any class, and a caption that names them."""
    rng = np.random.default_rng(seed)
    names = [CLASSES[number] for number in rng.choice(len(CLASSES), size=rng.integers(1, 3), replace=False)]
    most = side_px - side_px // 8 if len(names) == 1 else side_px // 2
    scene = draw_scene(rng, names, side_px=side_px, least_px=side_px // 4, most_px=most)
    return scene.image, " and ".join(f"a {name}" for name in scene.classes)


def write_scenes(
    folder: Path,
    num: int,
    *,
    seed: int,
    classes: Sequence[str] = CLASSES,
    side_px: int = 64,
    least_part: float = 0.2,
) -> tuple[Path, Path]:
    """Write `num` scenes of 1 to 4 shapes of `classes`; return the annotations' file and the folder of images.

    Shapes are `least_part` to half of the scene's side. The list of categories is that of `classes`.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    listed, annotations = [], []
    for number in range(num):
        rng = np.random.default_rng((seed, number))
        names = [classes[place] for place in rng.integers(0, len(classes), size=rng.integers(1, 5))]
        scene = draw_scene(rng, names, side_px=side_px, least_px=int(side_px * least_part), most_px=side_px // 2)
        name = f"{number:05d}.png"
        scene.image.save(images / name)
        listed.append({"id": number + 1, "file_name": name, "width": side_px, "height": side_px})
        for one, box in zip(scene.classes, scene.boxes, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number + 1,
                    "category_id": classes.index(one) + 1,
                    "bbox": list(box),
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": place + 1, "name": name} for place, name in enumerate(classes)]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": listed, "annotations": annotations, "categories": categories}))
    return path, images
