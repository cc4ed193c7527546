"""metrics.csv goes on where a resumed run does, whatever a crash left; remote folders get parts."""

from pathlib import Path

import pytest

from schemas.storage import Folder
from trainer.telling import csv_table
from trainer.telling.csv_files import CsvFiles
from trainer.telling.metrics import EVALUATIONS_FILE, METRICS_FILE, Metrics


def row(step: int) -> Metrics:
    return Metrics(
        step=step, epoch=step / 10, samples=8 * step, loss=1 / (step + 2), logit_scale=14.3, learning_rate=1e-3,
        samples_per_s=123.456789, data_wait_share=0.25, replaced=0, gradient_norm=2.5, skipped=0, mfu=None,
        memory_gb=None,
    )  # fmt: skip


def written(folder: Folder, steps: range, resumed_step: int) -> CsvFiles:
    files = CsvFiles(folder, resumed_step)
    for step in steps:
        files.row(row(step))
    return files


def test_each_row_is_there_at_once_and_later_ones_than_the_resumed_step_are_written_anew(tmp_path: Path) -> None:
    folder, path = Folder(str(tmp_path)), tmp_path / METRICS_FILE
    written(folder, range(1, 4), 0)  # and not closed: the process was killed
    text = path.read_text()
    lines = text.splitlines()
    assert lines[0].startswith("step,epoch,samples,loss,logit_scale,learning_rate,samples_per_s")
    assert lines[1] == "1,0.1,8,0.333333,14.3,0.001,123.457,0.25,0,2.5,0,,"
    assert len(lines) == 4
    resumed = CsvFiles(folder, 2)
    assert resumed.last()["step"] == "2"  # type: ignore[index]
    resumed.row(row(3))
    assert resumed.last()["step"] == 3  # type: ignore[index]
    assert path.read_text() == text


def test_half_a_row_and_columns_of_an_older_version_are_mended(tmp_path: Path) -> None:
    (tmp_path / METRICS_FILE).write_text("step,epoch,loss\n1,0.1,0.5\n2,0.2,0.4\n3,0.")
    CsvFiles(Folder(str(tmp_path)), 9).close()
    lines = (tmp_path / METRICS_FILE).read_text().splitlines()
    assert [line.split(",")[:4] for line in lines[1:]] == [["1", "0.1", "", "0.5"], ["2", "0.2", "", "0.4"]]


def test_a_table_that_was_changed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / METRICS_FILE).write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"metrics\.csv: expected rows with a step in the column 'step'"):
        CsvFiles(Folder(str(tmp_path)), 9)


def test_a_remote_table_is_parts_until_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local, remote = Folder(str(tmp_path)), Folder("memory://test_csv_files")
    written(local, range(1, 8), 0).close()
    monkeypatch.setattr(csv_table, "MAX_PARTS", 3)
    files = CsvFiles(remote, 0)
    for step in range(1, 6):
        files.row(row(step))
        if step < 5:
            files.flush()  # after the third part all become one file
    assert remote.names(f"{METRICS_FILE}.parts") == [f"{METRICS_FILE}.parts/0000004.csv"]
    resumed = written(remote, range(5, 8), 4)  # row 5 was never flushed
    resumed.close()
    assert remote.read(METRICS_FILE).decode() == (tmp_path / METRICS_FILE).read_text()
    assert not remote.names(f"{METRICS_FILE}.parts")


def test_a_part_that_is_in_the_whole_file_already_counts_once() -> None:
    folder = Folder("memory://test_csv_files_twice")
    written(folder, range(1, 3), 0).close()
    whole = folder.read(METRICS_FILE)
    folder.write(f"{METRICS_FILE}.parts/0000002.csv", whole)  # killed between the two
    CsvFiles(folder, 9).close()
    assert folder.read(METRICS_FILE) == whole


def test_evaluations_are_a_line_a_measure(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    files = CsvFiles(folder, 0)
    for step in (1, 2):
        files.evaluated(step, {"zero_shot_top1": step / 4, "zero_shot_top5": 0.75})
    files.close()
    CsvFiles(folder, 1).close()
    assert (tmp_path / EVALUATIONS_FILE).read_text() == (
        "step,measure,value\n1,zero_shot_top1,0.25\n1,zero_shot_top5,0.75\n"
    )
