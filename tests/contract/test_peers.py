"""Our files in other people's readers, each in an environment of its own (`make peers`), none told more than a path."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas
import pyarrow.parquet as pq
import pytest
import torch
import webdataset

from tests.peers.environments import ENVIRONMENTS, REPOSITORY
from tests.support.candidates_folder import write_candidates
from tests.support.download import serving
from tests.support.made_shards import make_shards
from tests.support.small_shards import write_shards
from tests.support.waiting import PATIENCE_S
from trainer.data import ShardLoader

pytestmark = pytest.mark.peers

DOCUMENTATION = REPOSITORY / "pipeline" / "download" / "README.md"


def environment(name: str) -> Path:
    """Return the Python of an environment; skip the test where it is not made."""
    found = ENVIRONMENTS[name]
    if not found.is_made():
        pytest.skip(f"no {found.python.parent.parent.relative_to(REPOSITORY)} of its list; make peers makes it")
    return found.python


def run(command: list[str | Path], cwd: Path, **options: Any) -> str:
    """Run `command`, with caches of its own and without a network, and return what it prints."""
    own = {"HOME": str(cwd / "home"), "HF_HOME": str(cwd / "home"), "HF_HUB_OFFLINE": "1", "WDS_SECURE": "1"}
    environ = {**os.environ, **options.pop("env", {}), **own}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environ, capture_output=True, text=True,
        check=False, timeout=PATIENCE_S, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def read(name: str, program: str, *arguments: str | Path, cwd: Path, **options: Any) -> Any:
    """Run a program of ``tests/peers`` by environment `name`; return the JSON on the last line it prints."""
    command = [environment(name), REPOSITORY / "tests" / "peers" / program, *arguments]
    return json.loads(run(command, cwd, **options).splitlines()[-1])


@dataclass(frozen=True)
class Run:
    """A run's folders, and what its tables say is in its shards."""

    root: Path
    """Holds shards/, candidates/ and whatever else was made."""
    images: list[dict]
    """A row for every image asked for."""
    num_further: int

    @property
    def shards(self) -> Path:
        return self.root / "shards"

    @property
    def tars(self) -> list[Path]:
        return sorted(self.shards.glob("*.tar"))

    @cached_property
    def captions(self) -> list[str]:
        """The first caption of every sample, sorted."""
        return sorted(row["caption"] for row in self.images if row["status"] == "success")


def run_in(root: Path) -> Run:
    """Return the run whose shards are in ``root/shards``."""
    rows = [row for path in sorted((root / "shards").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    further = pq.read_table(root / "shards" / "further_captions").to_pylist()
    return Run(root, rows, sum(len(row["captions"]) for row in further))


@pytest.fixture(scope="module", params=["made", "demo"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A small run of two rounds with candidates beside it, and the demo's where it was made."""
    if not any(each.is_made() for each in ENVIRONMENTS.values()):
        pytest.skip("no environment of peers; make peers makes them")
    root = tmp_path_factory.mktemp("peers")
    if request.param == "demo":
        demo = REPOSITORY / "demo-output"
        if not (demo / "run" / "manifest.json").exists():
            pytest.skip("no demo-output/run; make demo makes it")
        for path in (demo / "queries", demo / "zero-shot", *(demo / "run").iterdir()):
            if path.is_dir():
                shutil.copytree(path, root / path.name)
        yield run_in(root)
        return
    write_candidates(root, [[0], [0, 1], [1]], ["a query", "another"])
    with serving() as web:
        make_shards(root, web)
    yield run_in(root)


def test_every_table_of_every_folder_is_read(made: Run) -> None:
    names = sorted(str(path) for path in made.root.rglob("*.parquet"))
    folders = {Path(name).parent.name for name in names}
    assert folders >= {"shards", "further_captions", "rejections", "tables", "selection", "candidates"}
    found = read("tables", "read_tables.py", *names, cwd=made.root)
    for name in names:
        rows = pq.read_metadata(name).num_rows
        assert found[name] == dict.fromkeys(found[name], rows), name
        assert len(pandas.read_parquet(name)) == rows, name
    assert pandas.__version__.startswith("2.")  # and 3 in the environment of peers


@pytest.mark.parametrize("kind", ["candidates", "selection", "queries"])
def test_a_folder_is_a_data_set_by_its_name(made: Run, kind: str) -> None:
    block = f"from datasets import load_dataset\nfound = len(load_dataset({kind!r}, split='train'))"
    found = read("tables", "run_block.py", "", "", cwd=made.root, input=block)
    assert found == {"found": sum(pq.read_metadata(path).num_rows for path in (made.root / kind).glob("*.parquet"))}


def test_samples_are_the_same_by_folder_by_tars_and_streamed(made: Run) -> None:
    found = read("tables", "read_samples.py", made.shards, cwd=made.root)
    assert found["rows"] == len(made.images)
    assert sorted(found["captions"]) == made.captions
    pipeline = webdataset.WebDataset([str(path) for path in made.tars], shardshuffle=False)  # 0.2.111; peers have 1.0
    assert sorted(sample["txt"].decode() for sample in pipeline) == made.captions


@cache
def blocks() -> list[str]:
    """Return the Python of the documentation."""
    return [part.split("```")[0] for part in DOCUMENTATION.read_text().split("```python\n")[1:]]


def test_blocks_of_the_documentation_find_what_they_look_for(made: Run) -> None:
    image = next(row for row in made.images if len(row["captions"]) == 2 and row["status"] == "success")
    arguments = [image["key"], image["pair_ids"][1].hex()]
    found = [read("tables", "run_block.py", *arguments, cwd=made.root, input=block) for block in blocks()]
    stored = sum(len(row["captions"]) for row in made.images if row["status"] == "success")
    assert found[0] == {"found": stored + made.num_further}
    assert found[1] == {"found": len(made.captions), "same": len(made.images)}
    assert [{**each, "before": 0} for each in found[2:]] == [
        {"found": 1, "same": 1, "before": 0}, {"found": 1, "same": 1, "pair": 1, "before": 0},
        {"found": 1, "same": 1, "pair": 1, "before": 0}, {"found": 1, "same": 1, "before": 0},
    ]  # fmt: skip


def test_blocks_of_the_documentation_find_a_candidate(made: Run) -> None:
    paths = (made.root / "candidates").glob("*.parquet")
    of_image = Counter(row["image_id"] for path in paths for row in pq.read_table(path).to_pylist())
    image_id, rows = min(of_image.items())
    for block in (block for block in blocks() if "before = " in block):
        found = read("tables", "run_block.py", image_id.hex(), image_id.hex(), cwd=made.root, input=block)
        assert found["before"] == rows


def test_open_clip_trains_on_every_sample_with_two_workers(made: Run) -> None:
    """Each worker has whole tars and gives as many batches: of few samples four times, so that none can be missing."""
    few = len(made.captions) < 1000
    asked = len(made.captions) * (4 if few else 1)
    path = {"PYTHONPATH": str(REPOSITORY)}
    found = read("open_clip", "read_open_clip.py", made.shards, str(asked), cwd=made.root, env=path)
    assert sorted(found["val"]) == made.captions
    assert len(found["train"]) >= asked
    assert set(found["train"]) == set(made.captions) if few else set(found["train"]) <= set(made.captions)


def test_energon_prepares_and_reads_every_sample(made: Run) -> None:
    copy = made.root / "for-energon"
    shutil.copytree(made.shards, copy)  # it writes into the folder
    run(
        [
            environment("energon").with_name("energon"), "prepare", copy, "--non-interactive", "--split-ratio", "1,0,0",
            "--sample-type", "CaptioningSample", "--field-map", '{"image": "jpg", "caption": "txt"}',
            "--num-workers", "1",
        ],
        made.root,
    )  # fmt: skip
    assert sorted(read("energon", "read_energon.py", copy, cwd=made.root)) == made.captions


def test_dali_reads_every_sample(made: Run) -> None:
    assert sorted(read("dali", "read_dali.py", *made.tars, cwd=made.root)) == made.captions


def test_open_clip_trains_on_batches_of_the_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a torch that is not ours, and nothing of ours installed: the checkout is on its path."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_shards(tmp_path / "shards", 64)
    path = {"PYTHONPATH": str(REPOSITORY)}
    command = [environment("training"), REPOSITORY / "tests" / "peers" / "train_open_clip.py", tmp_path / "shards", "4"]
    found = json.loads(run(command, tmp_path, env=path).splitlines()[-1])
    assert not found["torch"].startswith(torch.__version__.split("+")[0])
    assert found["done"] == 4
    assert all(0 < loss < 10 for loss in found["losses"])
    assert len(found["losses"]) == 4
    ours = ShardLoader(str(tmp_path / "shards"), batch_size=8, image_px=8, samples=32)
    assert found["captions"] == [caption for batch in ours for caption in batch.captions]
