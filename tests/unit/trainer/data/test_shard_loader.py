"""The loader for training loops of others: batches, states, a stage for webdataset."""

import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import webdataset
from PIL import Image

from tests.support.balanced_shards import write_balanced, zipf_samples
from tests.support.small_shards import captions, picture, write_shards, write_tar
from tests.support.waiting import PATIENCE_S
from trainer.data import ShardLoader

REPOSITORY = Path(__file__).resolve().parents[4]
NEEDED = {"torch", "numba", "pyarrow", "fsspec", "pillow", "simplejpeg", "numpy"}
"""Of the packages that pyproject.toml names, those that README.md says the loader needs."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def loader(folder: Path, **changes: Any) -> ShardLoader:
    return ShardLoader(str(folder), **{"batch_size": 10, "image_px": 32, "epochs": 2, "seed": 3, **changes})


def listed(shards: ShardLoader) -> list[tuple[list[int], list[str], bytes]]:
    return [(batch.ids.tolist(), batch.captions, batch.images_b3PP.numpy().tobytes()) for batch in shards]


def test_batches_are_images_and_captions_of_every_sample(tmp_path: Path) -> None:
    shards = loader(write_shards(tmp_path / "s", 40))
    assert len(shards) == 8
    for batch in shards:
        assert batch.images_b3PP.shape == (10, 3, 32, 32)
        assert all(caption in captions(number) for caption, number in zip(batch.captions, batch.ids, strict=True))
    assert len(shards) == 0


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_a_state_goes_on_at_the_next_batch_on_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    folder = write_shards(tmp_path / "s", 40)
    whole = listed(loader(folder))
    first = loader(folder)
    iterator = iter(first)
    for _ in range(3):
        next(iterator)
    state = json.loads(json.dumps(first.state_dict()))
    assert len(json.dumps(state)) <= 1_024
    parts = []
    for rank in range(workers):
        part = loader(folder, rank=rank, world_size=workers)
        part.load_state_dict(state)
        assert len(part) == 5
        parts.append(listed(part))
    for number, batch in enumerate(whole[3:]):
        assert [id for part in parts for id in part[number][0]] == batch[0]
        assert [text for part in parts for text in part[number][1]] == batch[1]
        assert b"".join(part[number][2] for part in parts) == batch[2]


def test_a_new_iteration_begins_after_the_end(tmp_path: Path) -> None:
    shards = loader(write_shards(tmp_path / "s", 20))
    first = listed(shards)
    assert listed(shards) == first


def test_after_the_state_of_the_end_nothing_is_left(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "s", 20)
    whole = loader(folder)
    first = listed(whole)
    again = loader(folder)
    again.load_state_dict(whole.state_dict())
    assert len(again) == 0
    assert listed(again) == []
    assert listed(again) == first
    again.load_state_dict(whole.state_dict())
    assert list(again.samples()) == []
    assert len(list(again.samples())) == 40


def test_several_workers_of_a_data_loader_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = loader(write_shards(tmp_path / "s", 20))
    for num_workers in (1, 2):
        worker = SimpleNamespace(id=0, num_workers=num_workers)
        monkeypatch.setattr(torch.utils.data, "get_worker_info", lambda worker=worker: worker)
        if num_workers == 1:
            assert len(list(shards)) == 4
            continue
        with pytest.raises(ValueError, match="use num_workers 0 or 1"):
            iter(shards)
        with pytest.raises(ValueError, match=r"num_workers is 2: .* loader_processes of its own"):
            next(shards.samples())


def test_a_state_with_other_weights_names_those_given(tmp_path: Path) -> None:
    folders = [str(write_shards(tmp_path / name, 20)) for name in "ab"]

    def weighted(*weights: float) -> ShardLoader:
        return ShardLoader(folders, batch_size=10, image_px=32, weights=weights)

    state = weighted(1, 2).state_dict()
    weighted(1, 2).load_state_dict(state)
    with pytest.raises(ValueError, match=r"weights is \[1\.0, 2\.0\], expected \[1\.0, 3\.0\]"):
        weighted(1, 3).load_state_dict(state)
    for bad in (float("nan"), float("inf"), 0.0):
        with pytest.raises(ValueError, match=rf"a weight must be in 0.000001 .. 1,000,000, found {bad!r} for .*b$"):
            weighted(1, bad)


@pytest.mark.parametrize("state", [None, [], "x"])
def test_what_is_no_state_is_refused(tmp_path: Path, state: Any) -> None:
    shards = loader(write_shards(tmp_path / "s", 20))
    with pytest.raises(ValueError, match=r"expected a state that state_dict\(\) gave, a dict, found"):
        shards.load_state_dict(state)


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"seed": 4}, "seed is 3, expected 4"), ({"batch_size": 9}, "batch_size is 10, expected 9"),
     ({"captions": ("first",)}, "captions is")],
    ids=["seed", "batch", "captions"],
)  # fmt: skip
def test_a_state_of_another_sequence_is_refused(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    folder = write_shards(tmp_path / "s", 20)
    with pytest.raises(ValueError, match=f"the state is of another sequence: {named}"):
        loader(folder, **changes).load_state_dict(loader(folder).state_dict())


def test_a_state_of_other_shards_is_refused(tmp_path: Path) -> None:
    state = loader(write_shards(tmp_path / "a", 20)).state_dict()
    with pytest.raises(ValueError, match="samples is 20, expected 21"):
        loader(write_shards(tmp_path / "b", 21)).load_state_dict(state)
    with pytest.raises(ValueError, match=r"batches must be in 0 \.\. 4, found 99"):
        loader(tmp_path / "a").load_state_dict({**state, "batches": 99})


def test_options_that_are_none(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "s", 20)
    with pytest.raises(ValueError, match="found rank 2 of 2"):
        loader(folder, rank=2, world_size=2)
    with pytest.raises(ValueError, match="captions must be first, random or"):
        loader(folder, captions=("best",))
    with pytest.raises(ValueError, match="shards must name at least one folder"):
        ShardLoader([], batch_size=10, image_px=32)


def test_it_is_a_stage_of_a_webdataset_pipeline(tmp_path: Path) -> None:
    shards = loader(write_shards(tmp_path / "s", 40), epochs=1)
    pipeline = webdataset.DataPipeline(
        shards.samples, webdataset.decode("pil"), webdataset.to_tuple("__key__", "png", "txt")
    )
    found = list(pipeline)
    assert len(found) == 40
    for key, image, caption in found:
        expected = Image.open(io.BytesIO(picture(int(key))))
        assert (np.asarray(image) == np.asarray(expected)).all()
        assert caption in captions(int(key))
    order = [int(id) for batch in loader(tmp_path / "s", epochs=1) for id in batch.ids]
    assert [int(key) for key, _, _ in found] == order
    assert len(shards) == 0


def test_the_stage_names_a_netpbm_image_as_webdataset_does(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    write_tar(tmp_path / "s" / "0.tar", [("a.ppm", picture(0, image_format="PPM")), ("a.txt", b"a red picture")])
    shards = loader(tmp_path / "s", batch_size=1, epochs=1)
    pipeline = webdataset.DataPipeline(shards.samples, webdataset.decode("pil"), webdataset.to_tuple("ppm", "txt"))
    assert [(image.size, caption) for image, caption in pipeline] == [((64, 64), "a red picture")]
    assert [batch.captions for batch in shards] == [["a red picture"]]


def test_a_state_of_the_stage_is_of_the_batches_given_whole(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "s", 40)
    whole = [sample["__key__"] for sample in loader(folder, epochs=1).samples()]
    for taken, batches in ((0, 0), (9, 0), (10, 1), (11, 1), (40, 4)):
        shards = loader(folder, epochs=1)
        stage = shards.samples()
        for _ in range(taken):
            next(stage)
        state = shards.state_dict()
        assert state["batches"] == batches
        if batches < 4:
            shards = loader(folder, epochs=1)
            shards.load_state_dict(state)
            assert [sample["__key__"] for sample in shards.samples()] == whole[10 * batches :]


def test_the_stage_begins_again_after_the_end(tmp_path: Path) -> None:
    shards = loader(write_shards(tmp_path / "s", 20), epochs=1)
    first = [sample["__key__"] for sample in shards.samples()]
    assert [sample["__key__"] for sample in shards.samples()] == first
    assert len(first) == 20


def test_the_code_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = (REPOSITORY / "trainer" / "README.md").read_text().split("`trainer.data`\n\n", 1)[1]
    code = "\n".join(section.split("\n\n")[number] for number in range(2))
    write_shards(tmp_path / "shards", 128)
    monkeypatch.chdir(tmp_path)
    seen: list[str] = []
    names: dict[str, Any] = {"train": lambda images, captions: seen.extend(captions)}
    exec(compile(textwrap.dedent(code), "README.md", "exec"), names)
    assert len(seen) == 256
    assert names["saved"]["batches"] == 4
    assert len(json.dumps(names["saved"])) < 1_024


def test_it_is_imported_without_what_the_rest_of_the_trainer_needs() -> None:
    lines = (REPOSITORY / "pyproject.toml").read_text().split("\ndependencies = [\n", 1)[1].split("\n]", 1)[0]
    named = {line.split('"')[1].split(">")[0].split("[")[0] for line in lines.splitlines() if '"' in line}
    assert {"apache-beam", "ray", "tokenizers", "webdataset"} <= named
    modules = sorted(name.replace("-", "_") for name in named - NEEDED)
    program = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {modules}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import trainer.data\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


RANK = """
import sys
from trainer.data import ShardLoader
rank, cap = int(sys.argv[2]), int(sys.argv[3]) or None
shards = ShardLoader(sys.argv[1], batch_size=8, image_px=32, epochs=2, seed=3, rank=rank, world_size=2, cap=cap)
print([batch.ids.tolist() for batch in shards])
"""


def of_ranks(folder: Path, cap: int) -> list[list[list[int]]]:
    """Return the ids of the batches of two ranks that start at the same time, without a process group."""
    command = [sys.executable, "-c", RANK, str(folder)]
    ranks = [subprocess.Popen([*command, str(rank), str(cap)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              cwd=REPOSITORY) for rank in (0, 1)]  # fmt: skip
    told = [process.communicate(timeout=PATIENCE_S) for process in ranks]
    assert all(process.returncode == 0 for process in ranks), told
    assert sum(error.count(b"index of") for _, error in told) == 1, "one of them makes the index"
    return [json.loads(out) for out, _ in told]


def test_one_rank_makes_the_index_for_both(tmp_path: Path) -> None:
    found = of_ranks(write_shards(tmp_path / "s", 40), 0)
    whole = [batch.ids.tolist() for batch in loader(tmp_path / "s", batch_size=8)]
    assert [first + second for first, second in zip(*found, strict=True)] == whole


def test_ranks_draw_the_same_balanced_epochs(tmp_path: Path) -> None:
    folder = write_balanced(tmp_path / "s", zipf_samples(200, 60), 60)
    (folder / "tables" / "shard_index.parquet").unlink(missing_ok=True)
    found = of_ranks(folder, 2)
    shards = loader(folder, batch_size=8, cap=2)
    whole = [batch.ids.tolist() for batch in shards]
    assert [first + second for first, second in zip(*found, strict=True)] == whole
    (expected,), (sizes,) = shards.expected_samples, shards.epoch_sizes()
    assert 60 < expected < 180
    assert len(whole) == 2 * expected // 8
    ids = [id for batch in whole for id in batch]
    assert sum(sizes[:-1]) < len(ids) <= sum(sizes)
    assert len(set(ids[: sizes[0]])) == sizes[0], "no sample twice in an epoch"
    assert set(ids[: sizes[0]]) != set(ids[sizes[0] : sum(sizes[:2])])


def test_a_state_with_another_cap_is_refused(tmp_path: Path) -> None:
    folder = write_balanced(tmp_path / "s", zipf_samples(200, 60), 60)
    state = loader(folder, cap=2).state_dict()
    assert len(json.dumps(state)) <= 1_024
    loader(folder, cap=2).load_state_dict(state)
    with pytest.raises(ValueError, match="the state is of another sequence: balance is"):
        loader(folder, cap=3).load_state_dict(state)


def test_a_cap_without_counts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--balance online"):
        loader(write_shards(tmp_path / "s", 20), cap=2)
    with pytest.raises(ValueError, match="expected a cap of 1 or more captions a query, found 0"):
        loader(tmp_path / "s", cap=0)
