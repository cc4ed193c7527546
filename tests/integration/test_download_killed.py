"""`pipeline download` killed with SIGKILL at moments of its progress, the numbering of its shards included.

Real processes; the images are local files, and the plans whose images are missing leave holes in the numbers.
"""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.contract.test_shards_index import walked
from tests.support.download import Pair, make_selection, picture
from tests.support.folder_bytes import folder_bytes
from tests.support.killing import killed_at, run_to_end

TWO_PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
PLANS = "+--+++-+"
"""By plan: whether its images are there."""
PER_PLAN = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("killed")
    (found / "photos").mkdir()
    plans: list[list[Pair]] = []
    for plan, sign in enumerate(PLANS):
        names = [f"{plan}-{number}{sign}.jpg" for number in range(PER_PLAN)]
        for number, name in enumerate(names if sign == "+" else []):
            (found / "photos" / name).write_bytes(picture(seed=PER_PLAN * plan + number))
        plans.append([({"root": "p", "member": name, "offset": None, "length": None}, name) for name in names])
    stored = {"root": "p", "member": "before.jpg", "offset": None, "length": None}
    plans[2].append((stored, "a further caption", {"stored": True}))
    make_selection(str(found / "selection"), plans, {"p": str(found / "photos")}, first_shard=10, before=6)
    return found


def command(root: Path, output: Path, *beam_args: str) -> list[str]:
    return [
        sys.executable, "-m", "pipeline", "download", "--selection", f"{root}/selection", "--output", str(output),
        "--image-size", "32", "--num-decode-processes", "1", *beam_args,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(root: Path) -> dict[str, bytes]:
    run_to_end(command(root, root / "undisturbed"))
    return folder_bytes(root / "undisturbed")


def test_shards_go_on_behind_those_of_earlier_rounds_without_holes(root: Path, undisturbed: dict[str, bytes]) -> None:
    """Ten plans of earlier rounds made six shards; of these eight, five bring images."""
    assert sorted(name for name in undisturbed if name.endswith(".tar")) == [f"{n:05d}.tar" for n in range(6, 11)]
    assert json.loads(undisturbed["sizes.json"]) == {f"{n:05d}.tar": PER_PLAN for n in range(6, 11)}
    assert sorted(name for name in undisturbed if name.startswith("without-images-")) == [
        f"without-images-{plan}.parquet" for plan in ("00011", "00012", "00016")
    ]
    assert "further_captions/00012.parquet" in undisturbed
    index = pq.read_table(root / "undisturbed" / "tables" / "shard_index.parquet")
    assert index.to_pylist() == walked(root / "undisturbed").to_pylist()
    plans = {
        shard: json.loads((root / "undisturbed" / f"{shard:05d}_stats.json").read_text())["plan"]
        for shard in range(6, 11)
    }
    assert plans == {6: 10, 7: 15, 8: 17, 9: 13, 10: 14}


@pytest.mark.parametrize(
    "beam_args",
    [pytest.param((), id="one process", marks=pytest.mark.slow), pytest.param(TWO_PROCESSES, id="two processes")],
)
def test_killed_at_any_moment_it_ends_with_the_same_bytes(
    root: Path, undisturbed: dict[str, bytes], beam_args: tuple[str, ...]
) -> None:
    output = root / f"killed-{len(beam_args)}"
    at_most = sum(1 for path in (root / "undisturbed").rglob("*") if path.is_file())
    killed = 0
    for quarter in range(1, 5):
        killed += killed_at(command(root, output, *beam_args), output, quarter / 4 * (at_most - 2), 0)
    run_to_end(command(root, output, *beam_args))
    assert killed > 0
    assert folder_bytes(output) == undisturbed
    assert not list(output.rglob(".tmp-*"))
