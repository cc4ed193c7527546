"""`querygen build` killed with SIGKILL at random moments and resumed: the same bytes, with any number of processes.

Some pages of a real dump in several files, page views of its titles, the real WordNet. How many pages does not matter:
what a kill may fall between is files.
"""

import bz2
import gzip
import random
import sys
from pathlib import Path

import pytest

from tests.demo.dump_sample import article_titles, dump_sample
from tests.support.folder_bytes import folder_bytes
from tests.support.killing import killed_at, run_to_end

KILLS = 5
NUM_PAGES = 40
NUM_DUMPS = 6
NUM_VIEW_FILES = 20


def first_pages(xml: bytes, num: int) -> bytes:
    """Return a dump with its first pages only."""
    end = b"</page>"
    return end.join(xml.split(end)[:num]) + end + b"</mediawiki>"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("querygen-kill")
    xml = first_pages(bz2.decompress(dump_sample().read_bytes()), NUM_PAGES)
    for number in range(NUM_DUMPS):  # no two files with the same bytes
        renamed = xml.replace(b"</title>", b" part %d</title>" % number)
        (root / f"dump{number}.xml.bz2").write_bytes(bz2.compress(renamed))
    titles = article_titles(dump_sample())
    for hour in range(NUM_VIEW_FILES):
        lines = "".join(
            f"en {title.replace(' ', '_')} {(i * (hour + 7)) % 91 + 1} 0\n" for i, title in enumerate(titles)
        )
        (root / f"pageviews-20240101-{hour:02d}0000.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    return root


def command(root: Path, output: Path, num_processes: int) -> list[str]:
    return [
        sys.executable, "-m", "querygen", "build",
        "--dump", f"{root}/dump*.bz2", "--pageviews", f"{root}/pageviews*.gz", "--output", str(output),
        "--num-processes", str(num_processes), "--min-bigram-count", "30", "--size", "100000",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(inputs: Path) -> dict[str, bytes]:
    run_to_end(command(inputs, inputs / "undisturbed", 1))
    return folder_bytes(inputs / "undisturbed")


def test_undisturbed_build_leaves_no_work(undisturbed: dict[str, bytes]) -> None:
    assert sorted(undisturbed) == [
        "README.md", "counts/bigrams.parquet", "counts/synsets.parquet", "counts/titles.parquet",
        "counts/words.parquet", "manifest.json", "queries.parquet", "rejections/querygen.parquet",
        "tables/files.parquet",
    ]  # fmt: skip


def test_killed_five_times_gives_the_same_bytes(inputs: Path, undisturbed: dict[str, bytes]) -> None:
    output = inputs / "killed"
    choose = random.Random(4)
    work_files = 1 + 5 * NUM_DUMPS + 3 * NUM_VIEW_FILES
    killed = 0
    for number in range(KILLS):
        moment = choose.uniform(0, 0.9) * work_files
        killed += killed_at(command(inputs, output, 1 + number % 2), output, moment, choose.uniform(0, 0.2))
    run_to_end(command(inputs, output, 2))
    assert killed > 0
    assert folder_bytes(output) == undisturbed
