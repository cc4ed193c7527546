"""Which URLs are asked: spread over the files, the same each time, none that is here or stored already."""

from pathlib import Path

from pipeline.download.preflight.sample import sample_urls, spread
from tests.support.download import make_selection


def test_urls_lie_over_all_files_and_are_the_same_each_time(tmp_path: Path) -> None:
    shards = [[(f"http://a.test/{shard}-{number}", "x") for number in range(30)] for shard in range(5)]
    selection = make_selection(str(tmp_path / "s"), [list(shard) for shard in shards])
    found = sample_urls(selection, 20).urls
    assert found == sample_urls(selection, 20).urls
    assert len(set(found)) == 20
    assert {url.split("/")[3].split("-")[0] for url in found} == {"0", "1", "2", "3", "4"}


def test_all_are_asked_when_there_are_few_and_what_is_here_is_not(tmp_path: Path) -> None:
    here = {"root": "p", "member": "a.jpg", "offset": None, "length": None}
    rows = [
        ("http://a.test/1", "x"), ("http://a.test/1", "y"), (here, "z"), ("http://a.test/2", "x", {"stored": True}),
    ]  # fmt: skip
    found = sample_urls(make_selection(str(tmp_path / "s"), [rows, [("http://a.test/3", "x")]], {"p": "/p"}))
    assert sorted(found.urls) == ["http://a.test/1", "http://a.test/3"]
    assert found.num_local == 2


def test_even_places() -> None:
    assert spread(list(range(10)), 3) == [0, 3, 6]
    assert spread([1, 2], 5) == [1, 2]
    assert spread([], 5) == []
