"""The whole command on pictures of four colours."""

import csv
from pathlib import Path

import pytest

from tests.support.small_model import write_names, write_pictures, write_small_model
from trainer.evaluate.prompting.config import PromptsConfig
from trainer.evaluate.prompting.prompts import measure_prompts


def test_table_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes, templates = write_names(tmp_path / "names")
    (tmp_path / "names" / "templates.txt").write_text("a {}\nthe {} $picture_\n")
    given = {"checkpoint": write_small_model(tmp_path), "classes": classes, "templates": templates, "threads": 1}
    dataset = write_pictures(tmp_path / "images", range(16))
    results = measure_prompts(PromptsConfig(**given, dataset=dataset, output=str(tmp_path / "out")))
    assert [row["template"] for row in results["templates"]] == ["a {}", "the {} $picture_"]
    assert (results["images"], results["measured_images"]) == (16, 8)
    assert 1 <= len(results["greedy"]) <= 2
    rows = list(csv.DictReader((tmp_path / "out" / "prompts.csv").open()))
    assert [float(row["alone"]) for row in rows] == [row["alone"] for row in results["templates"]]
    assert (tmp_path / "out" / "prompts.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "alone    added to the others"
    assert said[4].startswith("greedy ensemble, chosen on 8 images")
    assert len(said) == 5 + len(results["greedy"])
    assert "\ufffd" not in "\n".join(said)
    with pytest.raises(ValueError, match=r"no class of .* has two images"):
        measure_prompts(PromptsConfig(**given, dataset=write_pictures(tmp_path / "few", range(4))))
