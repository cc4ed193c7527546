"""Page-view files counted in groups: the same as all at once, and a finished group is not counted again."""

import gzip
from pathlib import Path

import pytest

from querygen.titles import count_views as module
from querygen.titles.count_views import MAX_GROUP_FILES, count_views
from querygen.titles.page_views import ViewCounts, count_views_files
from schemas.storage import Folder


def write(root: Path, num_files: int) -> list[tuple[str, str, int]]:
    found = []
    for number in range(num_files):
        lines = f"en Dog {number + 1} 0\nen Only_{number} 2 0\nde Hund 9 0\nen broken line x y\n"
        path = root / f"pageviews-{number:02d}.gz"
        path.write_bytes(gzip.compress(lines.encode(), mtime=0))
        found.append((str(path), path.name, path.stat().st_size))
    return found


def as_dict(counts: ViewCounts) -> dict[bytes, int]:
    return dict(zip(counts.titles.to_pylist(), counts.views.to_pylist(), strict=True))


@pytest.mark.parametrize("num_files", [1, 16, 35])
def test_groups_give_what_all_files_give(tmp_path: Path, num_files: int) -> None:
    files = write(tmp_path, num_files)
    progress: list[int] = []
    found = count_views(Folder(str(tmp_path / "views")), files, "en", None, progress.append)
    whole = count_views_files([file[0] for file in files], [file[1] for file in files], "en")
    assert as_dict(found) == as_dict(whole)
    assert found.tally == whole.tally
    places = [sorted((lost.source_file, lost.position) for lost in counts.rejections) for counts in (found, whole)]
    assert places[0] == places[1]
    assert len(places[0]) == num_files
    assert sum(progress) == sum(file[2] for file in files)


def test_a_group_that_is_counted_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write(tmp_path, 3)
    folder = Folder(str(tmp_path / "views"))
    first = count_views(folder, files, "en", None, lambda num_bytes: None)
    monkeypatch.setattr(module, "count_views_files", lambda *_: pytest.fail("counted again"))
    assert as_dict(count_views(folder, files, "en", None, lambda num_bytes: None)) == as_dict(first)


def test_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    monkeypatch.setattr(module, "do_units", lambda folder, work, items, *_: groups.extend(len(one[0]) for one in items))
    monkeypatch.setattr(module, "_read_groups", lambda *_: iter(()))
    monkeypatch.setattr(module, "merge_views", list)
    count_views(Folder(str(tmp_path)), [("p", "p", 1)] * 1000, "en", None, lambda num_bytes: None)
    assert max(groups) == MAX_GROUP_FILES
    assert sum(groups) == 1000
