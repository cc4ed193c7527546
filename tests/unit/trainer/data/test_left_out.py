"""What is left out of shards is counted and named."""

from pathlib import Path

import pytest

from tests.support.small_shards import picture, write_tar
from trainer.data.shard_index import read_shards


def test_samples_without_image_or_caption_are_counted(tmp_path: Path) -> None:
    image = picture(1)
    write_tar(
        tmp_path / "0.tar",
        [
            ("a.png", image), ("a.txt", b"only text"), ("b.txt", b"no image"), ("c.png", image), ("d.png", image),
            ("d.json", b"{broken"), ("d.txt", b"text instead"), ("e.png", b""), ("e.txt", b"empty image"),
            ("f.png", image), ("f.json", b'{"captions": [7, null, "  "]}'), ("g.png", image),
            ("g.json", b'{"captions": [{"caption": "nested", "pair_id": "x"}]}'),
        ],
    )  # fmt: skip
    index = read_shards((str(tmp_path),))
    assert index.captions.to_pylist() == [["only text"], ["text instead"], ["nested"]]
    assert index.skipped == 4


def test_side_files_are_no_shards_no_samples_and_counted(tmp_path: Path) -> None:
    side = b"\0\5\x16\7" + bytes(126)
    members = [("./._0.png", side), ("./0.png", picture(0)), ("./._0.txt", side), ("./0.txt", b"a red picture"),
               ("__MACOSX/._0.png", side), ("README", b"about")]  # fmt: skip
    write_tar(tmp_path / "0.tar", members)
    (tmp_path / "._0.tar").write_bytes(side)
    index = read_shards((str(tmp_path),))
    assert index.captions.to_pylist() == [["a red picture"]]
    assert (index.skipped, index.passed_over) == (0, 5)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (["a.png", "b.png", "a.txt", "b.txt"],
         [r"2 apart from other members of their key .*, such as a\.txt in 0\.tar",
          r"2 without a caption .*, such as a\.png in 0\.tar"]),
        (["22.05.png", "22.05.txt"],
         [r"1 without an image \(a key ends at the first dot of the file name.*\), such as 22\.05\.png, 22\.05\.txt"]),
        (["a", "b", "._c.png"], ["2 passed over: member_without_suffix", "1 passed over: side_file"]),
    ],
    ids=["apart", "dots", "names"],
)  # fmt: skip
def test_what_is_left_out_is_named(tmp_path: Path, members: list[str], told: list[str]) -> None:
    write_tar(tmp_path / "0.tar", [(name, b"text" if name.endswith(".txt") else picture(0)) for name in members])
    for text in told:
        with pytest.raises(ValueError, match=f"no sample with an image and a caption in .*: .*{text}"):
            read_shards((str(tmp_path),))


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    write_tar(
        tmp_path / "0.tar", [("\udcff.png", picture(0)), ("\udcff.txt", b"x"), ("a.png", picture(0)), ("a.txt", b"a")]
    )
    index = read_shards((str(tmp_path),))
    assert (index.keys.to_pylist(), index.skipped) == (["a"], 1)
