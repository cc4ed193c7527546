"""The SVG of a drawing: as another renderer draws it, and as XML reads it."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve

from trainer.guide.rasterise import rasterise
from trainer.guide.strokes import Strokes, first_strokes
from trainer.guide.svg import svg

SIZE = 200
NAMESPACE = "{http://www.w3.org/2000/svg}"


def strokes_of(num: int) -> Strokes:
    generator = torch.Generator().manual_seed(0)
    strokes = first_strokes(num, generator, torch.device("cpu")).detached()
    return Strokes(strokes.points_K42, 0.01 + 0.1 * torch.rand(num, generator=generator), strokes.colours_K4)


def drawn_by_agg(text: str) -> np.ndarray:
    """Return what Matplotlib's Agg draws of the file's paths, ``[SIZE, SIZE, 3]`` in 0 .. 255."""
    figure = Figure(figsize=(SIZE / 72, SIZE / 72), dpi=72, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, SIZE), ylim=(SIZE, 0))
    axes.set_axis_off()
    for path in ET.fromstring(text).iter(f"{NAMESPACE}path"):
        points = np.array([float(number) for number in re.findall(r"-?[\d.]+", path.attrib["d"])]).reshape(4, 2)
        axes.add_patch(
            PathPatch(
                Curve(points, [Curve.MOVETO, *[Curve.CURVE4] * 3]), fill=False, edgecolor=path.attrib["stroke"],
                alpha=float(path.attrib["stroke-opacity"]), linewidth=float(path.attrib["stroke-width"]),
                capstyle="round", joinstyle="round", snap=False,
            )
        )  # fmt: skip
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def test_another_renderer_draws_the_same() -> None:
    strokes = strokes_of(12)
    ours = (255 * rasterise(strokes, SIZE, 65)).permute(1, 2, 0).numpy()
    theirs = drawn_by_agg(svg(strokes, SIZE, "a drawing"))
    difference = np.abs(ours - theirs)
    assert difference.mean() < 0.6
    assert np.mean(difference.max(axis=2) > 24) < 0.002, "but for a few pixels on edges"
    assert np.abs(255 - theirs).mean() > 5, "something is drawn"


def test_the_same_text_and_a_title_that_xml_reads() -> None:
    strokes = strokes_of(3)
    title = "<b>tom & \u202ejerry\x07 \x00</b>"
    text = svg(strokes, SIZE, title)
    assert text == svg(strokes, SIZE, title)
    root = ET.fromstring(text)
    assert root.findtext(f"{NAMESPACE}title") == "<b>tom & \ufffdjerry\ufffd \ufffd</b>"
    assert len(list(root.iter(f"{NAMESPACE}path"))) == 3
    assert root.attrib["viewBox"] == f"0 0 {SIZE} {SIZE}"


def test_numbers_are_short() -> None:
    row = torch.tensor([[[-0.000_01, 0.0], [0.5, 0.25], [1.0, 0.123_456], [0.1, 2.0]]])
    text = svg(Strokes(row, torch.tensor([0.025]), torch.tensor([[1.0, 0.5, 0.0, 1.0]])), 100, "t")
    assert 'd="M 0 0 C 50 25, 100 12.35, 10 200" stroke="#ff8000" stroke-opacity="1" stroke-width="2.5"' in text
