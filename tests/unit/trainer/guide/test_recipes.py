"""The recipes of ``trainer/README.md`` for generators and detectors: run as they stand there, they lower their loss."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from schemas.kernels.kernel_cache import ROOT
from tests.support.small_model import write_small_model

EDITING, DISTILLING = "**Editing with a generator**", "**A detector of open vocabulary**"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model where the recipes look for it."""
    write_small_model(tmp_path / "runs", "b32")
    monkeypatch.chdir(tmp_path)


def recipe(title: str) -> str:
    """Return the code of the first indented block after a title."""
    lines = (ROOT / "trainer" / "README.md").read_text("utf-8").split(title)[1].splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("    "))
    end = next(number for number, line in enumerate(lines) if number > begin and line[:1] not in ("", " "))
    return textwrap.dedent("\n".join(lines[begin:end]))


def run(code: str, **given: Any) -> dict[str, Any]:
    exec(compile(code, "trainer/README.md", "exec"), given)
    return given


def test_a_generator_is_led_to_a_text(runs: None) -> None:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(8, 3 * 16 * 16), nn.Tanh(), nn.Unflatten(1, (3, 16, 16)))
    start = torch.randn(1, 8)
    code = recipe(EDITING)
    first = run(code.replace("range(200)", "range(1)"), generator=generator, start=start)["loss"]
    given = run(code.replace("range(200)", "range(30)"), generator=generator, start=start)
    assert given["loss"].item() < first.item()
    assert not torch.equal(given["latent"], start)
    assert all(weight.grad is None for weight in given["model"].parameters())


def test_a_student_learns_from_crops_and_texts(runs: None) -> None:
    torch.manual_seed(0)
    image = Image.effect_noise((80, 60), 90).convert("RGB")
    boxes = [(0, 0, 30, 30), (20, 10, 79, 59), (50, 5, 70, 40)]
    student = nn.Linear(4, 16)

    def of_boxes(image: Image.Image, boxes: list[tuple[int, ...]]) -> torch.Tensor:
        return student(torch.tensor(boxes, dtype=torch.float32) / 80)

    optimizer = torch.optim.Adam(student.parameters(), lr=0.001)
    given = {"image": image, "boxes": boxes, "student": of_boxes, "labels": torch.tensor([0, 1, 0])}
    losses = []
    for _ in range(5):
        loss = run(recipe(DISTILLING), **given)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
