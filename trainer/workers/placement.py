"""Whether a cluster has room for a run's workers: what is told while none of them is at work."""

from collections.abc import Mapping, Sequence

from trainer.workers.counts import Workers, format_workers, least_workers

FIRST_TOLD_S, TOLD_AGAIN_S = 60.0, 600.0
"""After so long without a worker a run tells what is missing; then once in so long."""


def room(per_worker: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> int:
    """Return how many workers the nodes hold that are given `per_worker` of their resources, CPU and GPU, each."""
    asked = {name: amount for name, amount in per_worker.items() if amount}
    return sum(min(int(node.get(name, 0.0) // amount) for name, amount in asked.items()) for node in nodes)


def describe_wait(
    waited_s: float,
    workers: Workers,
    per_worker: Mapping[str, float],
    nodes: Sequence[Mapping[str, float]],
    free: Mapping[str, float],
) -> str:
    """Return in a line what was asked for, what there is and what to do; `free` is of all `nodes` together."""
    each = " and ".join(f"{amount:g} {name}" for name, amount in per_worker.items() if amount)
    there = ", ".join(
        f"{sum(node.get(name, 0.0) for node in nodes):g} {name} ({free.get(name, 0.0):g} free)"
        for name, amount in per_worker.items()
        if amount
    )
    least, places = least_workers(workers), room(per_worker, nodes)
    if places < least:
        remedy = "add nodes, or give less --num-workers or --cpus-per-worker"
    elif any(free.get(name, 0.0) < least * amount for name, amount in per_worker.items()):
        remedy = "other jobs hold the rest, or Ray is starting the workers on it"
    else:
        remedy = "Ray is starting them"
    return (
        f"no worker is at work after {waited_s:.0f} s: asked for {format_workers(workers)} "
        f"worker{'s' * (workers != 1)} with {each}{' each' * (workers != 1)}, the cluster's "
        f"{len(nodes)} node{'s' * (len(nodes) != 1)} with {there} {'have' if len(nodes) != 1 else 'has'} room for "
        f"{places}; {remedy}"
    )
