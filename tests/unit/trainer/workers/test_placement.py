"""What is told of a cluster that gives a run no workers: asked for, there, free, what to do."""

import pytest

from trainer.workers.placement import describe_wait, room

CPU = {"CPU": 2.0}
GPU = {"CPU": 4.0, "GPU": 1.0}


@pytest.mark.parametrize(
    ("per_worker", "nodes", "wanted"),
    [
        (CPU, [], 0),
        (CPU, [{}, {"CPU": 1.0}], 0),
        (CPU, [{"CPU": 5.0}, {"CPU": 3.0}], 3),
        ({"CPU": 1.0, "GPU": 0.0}, [{"CPU": 2.0}], 2),
        (GPU, [{"CPU": 64.0, "GPU": 8.0}, {"CPU": 6.0, "GPU": 8.0}, {"CPU": 64.0}], 9),
    ],
    ids=["no node", "small nodes", "parts are lost", "no GPU asked", "either is scarce"],
)
def test_room_is_counted_node_by_node(per_worker: dict[str, float], nodes: list[dict[str, float]], wanted: int) -> None:
    assert room(per_worker, nodes) == wanted


def test_too_few_nodes() -> None:
    assert describe_wait(61.2, (2, 4), GPU, [{"CPU": 8.0, "GPU": 1.0}], {"CPU": 8.0, "GPU": 1.0}) == (
        "no worker is at work after 61 s: asked for 2:4 workers with 4 CPU and 1 GPU each, the cluster's 1 node with 8 "
        "CPU (8 free), 1 GPU (1 free) has room for 1; add nodes, or give less --num-workers or --cpus-per-worker"
    )


def test_others_are_at_work() -> None:
    told = describe_wait(60.0, 2, CPU, [{"CPU": 2.0}, {"CPU": 2.0}], {"CPU": 1.0})
    assert told.endswith(
        "4 CPU (1 free) have room for 2; other jobs hold the rest, or Ray is starting the workers on it"
    )


def test_there_is_room() -> None:
    assert describe_wait(60.0, 1, CPU, [{"CPU": 2.0}], {"CPU": 2.0}).endswith("room for 1; Ray is starting them")
