"""``trainer search`` over a small index: an image finds itself, another model's index is refused."""

import json
from pathlib import Path

import pytest

from tests.support.small_index import make_index
from tests.support.small_model import write_small_model
from tests.support.small_shards import captions, picture, write_shards
from trainer.__main__ import main


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("ask")
    write_small_model(found, "other", seed=1)
    make_index(found, shards=str(write_shards(found / "shards", 30)))
    (found / "asked.png").write_bytes(picture(17))
    return found


def asked(root: Path, *arguments: str) -> list[str]:
    return ["search", "--checkpoint", str(root / "model"), "--index", str(root / "index"), "--threads", "1", *arguments]


def test_an_image_finds_itself_first(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(asked(root, "--image", str(root / "asked.png"), "--json", "--num", "5"))
    found = json.loads(capsys.readouterr().out)
    assert [one["rank"] for one in found] == [1, 2, 3, 4, 5]
    assert (found[0]["id"], found[0]["caption"]) == ("000017", captions(17)[0])
    assert found[0]["score"] == pytest.approx(1, abs=1e-3)
    scores = [one["score"] for one in found]
    assert scores == sorted(scores, reverse=True)


def test_a_text_gives_a_line_a_row(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(asked(root, "a red picture", "--num", "3"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a", "--checkpoint", "other"], "is of features of another model"),
        (["--image", "absent.png"], "--image: no such file"),
        (["--image", "shards/00000.tar"], "does not decode"),
        (["a", "--index", "shards"], "no run.json"),
        ([], "expected one of"),
        (["  "], "a text that is not empty"),
    ],
    ids=["model", "no-image", "no-picture", "no-index", "nothing", "empty"],
)
def test_what_cannot_be_asked_is_told_in_one_line(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    named = [str(root / name) if (root / name).exists() and name.strip() else name for name in arguments]
    with pytest.raises(SystemExit) as ended:
        main(asked(root, *named))
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
