"""Tables that go through files are grouped as the runner groups them, and leave nothing behind."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.runners.runner import run_pipeline
from pipeline.shuffle.exchange import EXCHANGE, GroupTables, Park, exchange_folder, fetched
from schemas.storage import Folder

ROWS = st.lists(
    st.fixed_dictionaries({"text": st.none() | st.text(max_size=20), "ids": st.none() | st.lists(st.integers(0, 9))}),
    max_size=5,
)
SCHEMA = pa.schema([("text", pa.string()), ("ids", pa.list_(pa.int32()))])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), ROWS), max_size=8), st.integers(0, 2))
def test_tables_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, elements: list[tuple[int, list[dict[str, object]]]], cut: int
) -> None:
    tables = [(key, pa.Table.from_pylist(rows, SCHEMA).slice(cut)) for key, rows in elements]
    park = Park(str(tmp_path_factory.mktemp("exchange")))
    park.setup()
    places = [place for element in tables for place in park.process(element)]
    park.teardown()
    assert [key for key, _ in places] == [key for key, _ in tables]
    _, found = fetched(0, (place for _, place in places))
    for _ in range(2):  # as often as it is asked for
        assert [table.to_pylist() for table in found] == [table.to_pylist() for _, table in tables]


class _Spread(beam.DoFn):
    """Number in, that many rows by key out."""

    def process(self, element: int) -> Iterator[tuple[int, pa.Table]]:
        for number in range(element):
            yield number % 7, pa.table({"n": [element, number]})


class _WriteSum(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, element: tuple[int, Iterable[pa.Table]]) -> None:
        key, tables = element
        found = sorted(tuple(table["n"].to_pylist()) for table in tables)
        (Path(self._folder) / f"{key}.txt").write_text(repr(found))


@pytest.mark.parametrize("beam_args", [[], ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]])
def test_groups_are_the_runners(tmp_path: Path, beam_args: list[str]) -> None:
    output = Folder(str(tmp_path / "out"))
    found = {}
    for name, by_files in (("files", True), ("runner", False)):
        written = tmp_path / name
        written.mkdir()
        with exchange_folder(output, beam_args) as folder:
            assert folder is not None

            def build(
                pipeline: beam.Pipeline, to: str = str(written), way: str | None = folder if by_files else None
            ) -> beam.PCollection:
                numbers = pipeline | beam.Create([3, 10, 25]) | beam.Reshuffle()
                spread = numbers | beam.ParDo(_Spread()).with_output_types(tuple[int, pa.Table])
                return spread | GroupTables(way) | beam.ParDo(_WriteSum(to))

            run_pipeline(build, beam_args)
            assert bool(list(Path(folder).iterdir())) is by_files
        found[name] = {path.name: path.read_text() for path in written.iterdir()}
    assert len(found["files"]) == 7
    assert found["files"] == found["runner"]
    assert not (tmp_path / "out" / EXCHANGE).exists()


CLUSTER = ["--runner=FlinkRunner", "--flink_master=http://127.0.0.1:8081"]
EMBEDDED = ["--runner=FlinkRunner", "--flink_master=[local]"]


@pytest.mark.parametrize("beam_args", [CLUSTER, ["--runner=DataflowRunner"], [*EMBEDDED, "--environment_type=DOCKER"]])
def test_workers_elsewhere_go_by_the_runner(tmp_path: Path, beam_args: list[str]) -> None:
    with exchange_folder(Folder(str(tmp_path / "out")), beam_args) as folder:
        assert folder is None


def test_workers_here_go_by_files(tmp_path: Path) -> None:
    with exchange_folder(Folder(str(tmp_path / "out")), EMBEDDED) as folder:
        assert folder is not None
    with exchange_folder(Folder("memory://out"), []) as folder:
        assert folder is not None
        assert os.listdir(folder) == []
        kept = folder
    assert not os.path.exists(kept)


def test_another_run_of_the_output_keeps_its_files(tmp_path: Path) -> None:
    output = Folder(str(tmp_path / "out"))
    with exchange_folder(output, []) as first:
        with exchange_folder(output, []) as second:
            assert first != second
        assert first is not None
        assert os.path.isdir(first)


FULL = """
import resource, sys, pyarrow as pa
from pipeline.shuffle.exchange import Park
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
park = Park(sys.argv[1])
park.setup()
list(park.process((1, pa.table({"n": list(range(10_000))}))))
"""


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"OSError: [Errno 27] File too large: '{tmp_path}/" in ended.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 10_000
