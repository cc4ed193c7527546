"""Scenes drawn as pictures: antialiased shapes over a flat, graded or noisy background."""

import io
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from tests.demo.scene import Scene, Thing

SUPERSAMPLING = 4
"""Shapes are drawn this many times larger, then averaged."""

Points = npt.NDArray[np.float64]
"""Shape [corners, 2]: x to the right, y down, inside the unit circle."""


def _circle(radius: float, corners: int = 40) -> Points:
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _star() -> Points:
    turn = np.arange(10) * np.pi / 5 - np.pi / 2
    return np.where(np.arange(10) % 2, 0.42, 1.0)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _heart() -> Points:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) - 2
    return np.stack([x, y], axis=1) / 17


def _crescent() -> Points:
    outer = np.linspace(0.25 * np.pi, 1.75 * np.pi, 36)
    tip = np.array([np.cos(outer[-1]), np.sin(outer[-1])])
    centre = np.array([0.42, 0.0])
    radius = float(np.hypot(*(tip - centre)))
    start = np.arctan2(tip[1], tip[0] - centre[0])
    inner = np.linspace(start, -2 * np.pi - start, 36)
    outside = np.stack([np.cos(outer), np.sin(outer)], axis=1)
    inside = centre + radius * np.stack([np.cos(inner), np.sin(inner)], axis=1)
    middle = np.array([0.15, 0.0])
    return np.concatenate([outside, inside]) + middle


def _flower() -> Points:
    turn = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    return (0.68 + 0.32 * np.cos(5 * turn))[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _cross(half: float = 0.3, arm: float = 0.95) -> Points:
    corner = [(half, -arm), (half, -half), (arm, -half), (arm, half), (half, half), (half, arm)]
    return np.array(corner + [(-x, -y) for x, y in corner])


@cache
def outline(shape: str) -> tuple[tuple[Points, int], ...]:
    """Return the polygons of a shape, painted in order: (corners, 255 = object or 0 = hole)."""
    if shape == "circle":
        return ((_circle(0.95), 255),)
    if shape == "square":
        return ((np.array([(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]), 255),)
    if shape == "triangle":
        return ((np.array([(0, -1), (0.95, 0.75), (-0.95, 0.75)]), 255),)
    if shape == "star":
        return ((_star(), 255),)
    if shape == "heart":
        return ((_heart(), 255),)
    if shape == "crescent":
        return ((_crescent(), 255),)
    if shape == "cross":
        return ((_cross(), 255),)
    if shape == "arrow":
        points = [(1, 0), (0.1, -0.8), (0.1, -0.28), (-1, -0.28), (-1, 0.28), (0.1, 0.28), (0.1, 0.8)]
        return ((np.array(points), 255),)
    if shape == "ring":
        return ((_circle(0.98), 255), (_circle(0.55), 0))
    if shape == "diamond":
        return ((np.array([(0, -1.0), (0.72, 0), (0, 1.0), (-0.72, 0)]), 255),)
    if shape == "flower":
        return ((_flower(), 255), (_circle(0.2), 0))
    if shape == "hourglass":
        points = [(-0.8, -0.95), (0.8, -0.95), (0.12, 0), (0.8, 0.95), (-0.8, 0.95), (-0.12, 0)]
        return ((np.array(points), 255),)
    raise ValueError(f"unknown shape {shape!r}")


def _mask(thing: Thing, width_px: int, height_px: int) -> Image.Image:
    mask = Image.new("L", (width_px * SUPERSAMPLING, height_px * SUPERSAMPLING))
    canvas = ImageDraw.Draw(mask)
    side = min(width_px, height_px)
    turn = np.array([[np.cos(thing.angle), np.sin(thing.angle)], [-np.sin(thing.angle), np.cos(thing.angle)]])
    centre = [thing.x * side + (width_px - side) / 2, thing.y * side + (height_px - side) / 2]
    for points, fill in outline(thing.shape):
        corners = ((points @ turn) * thing.radius * side + centre) * SUPERSAMPLING
        canvas.polygon(corners.ravel().tolist(), fill=fill)
    return mask.reduce(SUPERSAMPLING)


def _background(scene: Scene, seed: int) -> Image.Image:
    size = (scene.width_px, scene.height_px)
    if scene.texture == "flat":
        return Image.new("RGB", size, scene.background_rgb)
    rng = np.random.default_rng([seed, scene.number, 7])
    pixels = np.empty((scene.height_px, scene.width_px, 3), dtype=np.float32)
    pixels[:] = scene.background_rgb
    if scene.texture == "gradient":
        slope = rng.uniform(-36, 36, size=2)
        pixels += (np.linspace(-1, 1, scene.height_px) * slope[0])[:, None, None]
        pixels += (np.linspace(-1, 1, scene.width_px) * slope[1])[None, :, None]
    else:
        pixels += rng.integers(-18, 19, size=(scene.height_px, scene.width_px, 1))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def draw(scene: Scene, seed: int) -> Image.Image:
    """Return the RGB picture of `scene`, about 64-96 px a side."""
    picture = _background(scene, seed)
    for thing in scene.things:
        picture.paste(thing.rgb, (0, 0), _mask(thing, scene.width_px, scene.height_px))
    return picture


def encode(picture: Image.Image, image_format: str) -> bytes:
    """Return the picture as `jpg` (quality 92, full chroma) or `png`."""
    sink = io.BytesIO()
    if image_format == "png":
        picture.save(sink, "PNG", compress_level=3)
    else:
        picture.save(sink, "JPEG", quality=92, subsampling=0)
    return sink.getvalue()
