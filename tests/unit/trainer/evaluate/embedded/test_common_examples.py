"""Training examples that are test examples: found by their bytes whatever they are called, and not by their names."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.small_model import write_pictures
from tests.support.small_shards import picture
from trainer.evaluate.embedded.common_examples import check_paths


def test_images_of_the_same_bytes_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = write_pictures(tmp_path / "train", range(8)), write_pictures(tmp_path / "test", range(8, 12))
    paths = {"--train": train, "--test": test}
    (tmp_path / "test" / "red_one" / "0.png").write_bytes(picture(24))  # a name that both have
    check_paths(paths, allows=False)
    for number in (1, 2):
        (tmp_path / "test" / f"copy{number}.png").write_bytes(picture(number))
    with pytest.raises(ValueError, match=r"--test: 2 examples of .*test are also in --train: .*give --allow-common"):
        check_paths(paths, allows=False)
    check_paths(paths, allows=True)
    assert "note: --test: 2 examples" in capsys.readouterr().err


def test_lists_and_pictures_in_parquet_are_looked_at_too(tmp_path: Path) -> None:
    train = write_pictures(tmp_path / "train", range(8))
    (tmp_path / "list.csv").write_text("path,label\n" + f"{next(Path(train).rglob('3.png'))},x\n")
    pq.write_table(pa.table({"image": [picture(3), picture(9)], "label": [["x"], ["y"]]}), tmp_path / "p.parquet")
    for other in ("list.csv", "p.parquet"):
        with pytest.raises(ValueError, match=rf"--validation: 1 examples of .*{other} are also in --train"):
            check_paths({"--train": train, "--validation": str(tmp_path / other)}, allows=False)


def test_the_same_folder_is_refused_by_another_name(tmp_path: Path) -> None:
    train = write_pictures(tmp_path / "train", range(4))
    (tmp_path / "link").symlink_to(train)
    with pytest.raises(ValueError, match=r"--test: .*link is also --train: a measure on training examples is none"):
        check_paths({"--train": train, "--test": str(tmp_path / "link")}, allows=True)
