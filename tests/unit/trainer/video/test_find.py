"""``trainer video`` as a user types it: a frame of a video finds itself, what is wrong is one line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.made_videos import plain, shots, write_sound, write_video
from tests.support.small_model import write_small_model
from trainer.__main__ import main
from trainer.video.sheet import GAP_PX, HEADING_PX

COLOURS = [(220, 30, 30), (30, 200, 40), (30, 60, 220), (240, 230, 40), (20, 20, 20)]


def striped(colour: tuple[int, int, int], place: int) -> np.ndarray:
    """A picture that no other looks like: stripes of a colour, so wide by its place."""
    pixels = plain((128, 128, 128), 96, 96)
    for start in range(0, 96, 8 * (place + 1)):
        pixels[:, start : start + 4 * (place + 1)] = colour
    return pixels


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("find")
    write_small_model(found)
    pictures = [striped(colour, place) for place, colour in enumerate(COLOURS)]
    (found / "videos").mkdir()
    write_video(found / "videos" / "a.mp4", shots(pictures, 2.0))
    write_video(found / "videos" / "b.mkv", shots(pictures[::-1][:3], 2.0))
    Image.fromarray(pictures[2]).save(found / "third.png")
    Image.fromarray(pictures[4]).save(found / "fifth.png")
    return found


def asked(root: Path, *arguments: str) -> list[str]:
    return ["video", "--checkpoint", str(root / "model"), "--threads", "1", "--device", "cpu",
            "--cache-dir", str(root / "cache"), *arguments]  # fmt: skip


def test_a_frame_finds_its_time_in_both_videos(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = ["--image", str(root / "third.png"), str(root / "fifth.png")]
    main(asked(root, str(root / "videos"), *images, "--num", "2", "--json"))
    said = capsys.readouterr()
    body = json.loads(said.out)
    times = [(one["query"], Path(one["file"]).name, one["time_s"]) for one in body["moments"]]
    a, b = (str(root / name) for name in ("third.png", "fifth.png"))
    assert {(query, name, time_s // 2) for query, name, time_s in times} == {
        (a, "a.mp4", 2), (a, "b.mkv", 2), (b, "a.mp4", 4), (b, "b.mkv", 0)
    }  # fmt: skip
    for rank, one in enumerate(body["moments"]):
        assert one["rank"] == rank % 2 + 1
        assert one["score"] > 0.99
    assert "2 videos (0 skipped), 16 of 400 frames looked at; 16 s of video in " in said.err
    main(asked(root, str(root / "videos"), *images, "--num", "2", "--json"))
    again = capsys.readouterr()
    assert (again.out, again.err) == (said.out, "2 videos (0 skipped), 16 of 400 frames looked at\n")


def test_a_text_gives_a_line_a_moment_and_a_folder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = asked(root, "a red picture", str(root / "videos" / "a.mp4"), "--num", "3")
    output = root / "output"
    main([*command, "--output", str(output)])
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "a red picture"
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    rows = list(csv.DictReader((output / "moments.csv").open()))
    assert [[row["rank"], row["time"], f"{float(row['score']):.4f}", row["file"]] for row in rows] == [
        line.split() for line in lines
    ]
    assert json.loads((output / "moments.json").read_text())["moments"][0]["time"] == rows[0]["time"]
    sheet = np.asarray(Image.open(output / "contact-sheet.png")).astype(int)
    best = striped(COLOURS[int(float(rows[0]["time_s"]) // 2)], int(float(rows[0]["time_s"]) // 2))
    top, left = HEADING_PX, GAP_PX
    assert np.abs(sheet[top : top + 96, left : left + 96] - best).mean() < 8, "the best frame stands first"
    files = {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}
    main([*command, "--output", str(output)])
    again = capsys.readouterr()
    assert again.out.splitlines() == [first, *lines]
    assert again.err.endswith(f"; {output} is finished already\n")
    assert {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()} == files
    with pytest.raises(SystemExit):
        main([*command, "--output", str(output), "--every-s", "0.5"])
    assert "belongs to another run" in capsys.readouterr().err


def test_videos_that_cannot_be_used_are_told_and_passed_over(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sound(tmp_path / "sound.mp4")
    (tmp_path / "text.mkv").write_text("text" * 300)
    main(asked(root, "red", str(tmp_path), str(root / "videos" / "a.mp4")))
    said = capsys.readouterr().err
    assert f"skipped {tmp_path}/sound.mp4 has no video stream, only sound" in said
    assert f"skipped {tmp_path}/text.mkv is no video that can be read" in said
    assert "1 videos (2 skipped)" in said
    with pytest.raises(SystemExit) as ended:
        main(asked(root, "red", str(tmp_path)))
    assert ended.value.code == 2
    assert "error: none of the 2 VIDEOs can be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["red", "absent.mp4"], "VIDEO: no such file or folder"),
        (["videos/a.mp4", "videos/b.mkv"], "the first word is what is looked for, found the path"),
        (["videos/a.mp4", "--image", "absent.png"], "--image: no such file"),
        (["videos/a.mp4", "--image", "videos/b.mkv"], "does not decode"),
        (["red", "videos/a.mp4", "--checkpoint", "absent"], "no such folder"),
    ],
    ids=["no-video", "no-text", "no-image", "no-picture", "no-model"],
)
def test_what_is_wrong_is_one_line(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(SystemExit) as ended:
        main(asked(root, *arguments))
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert told in said
    assert said.count("\n") == 1
