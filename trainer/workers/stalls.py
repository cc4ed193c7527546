"""Which worker holds up all others: told from the signs of life that came from each."""

from collections.abc import Mapping
from dataclasses import dataclass

SILENT_S = 60.0
"""A worker that gave no sign for so long is frozen, or cannot be reached: each gives one every `BEAT_S`."""
BEAT_S = 5.0
WAITS = "waits for the other workers"
"""What a worker does that has nothing to do but what all do together."""


@dataclass(frozen=True, kw_only=True)
class Beat:
    """The latest sign of life of a worker."""

    rank: int
    workers: int
    """Of the group that the worker belongs to."""
    node: str
    process: int
    step: int
    doing: str
    done: int
    """How many things it began since its start: one that hangs stays at its number."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A worker's latest beat by the clock of who hears them, in seconds."""

    beat: Beat
    heard_s: float
    moved_s: float
    """When `done` last was another."""


def hear(before: Heard | None, beat: Beat, now_s: float) -> Heard:
    """Return what is known of a worker after its `beat`."""
    moved = before is None or before.beat.done != beat.done or before.beat.process != beat.process
    return Heard(beat=beat, heard_s=now_s, moved_s=now_s if moved or before is None else before.moved_s)


def keep(heard: dict[int, Heard], beat: Beat, now_s: float) -> None:
    """Note `beat`, and forget the workers of a group that had more of them."""
    for rank in [rank for rank in heard if rank >= beat.workers]:
        del heard[rank]
    heard[beat.rank] = hear(heard.get(beat.rank), beat, now_s)


def stalled(heard: Mapping[int, Heard], now_s: float, limit_s: float) -> list[Heard]:
    """Return the workers to blame if no worker of a run has moved for `limit_s`, else none.

    Those that are silent; if all can be heard, those that do something by themselves (wait for data, write) while
    others wait for them; if all say the same, those at the earliest step.
    """
    if not heard or any(now_s - one.moved_s < limit_s for one in heard.values()):
        return []
    ranks = sorted(heard)
    silent = [heard[rank] for rank in ranks if now_s - heard[rank].heard_s > SILENT_S]
    if silent:
        return silent
    by_themselves = [heard[rank] for rank in ranks if heard[rank].beat.doing != WAITS]
    if by_themselves and len(by_themselves) < len(ranks):
        return by_themselves
    earliest = min(one.beat.step for one in heard.values())
    return [heard[rank] for rank in ranks if heard[rank].beat.step == earliest]


def describe(culprits: list[Heard], now_s: float) -> str:
    """Return a line that names the workers, where they are, and what they were last heard to do."""
    told = "; ".join(
        f"worker {one.beat.rank} (node {one.beat.node}, process {one.beat.process}) at step {one.beat.step + 1}: "
        f"{one.beat.doing}" + (f", silent for {now_s - one.heard_s:.0f} s" if now_s - one.heard_s > SILENT_S else "")
        for one in culprits
    )
    idle_s = min(now_s - one.moved_s for one in culprits)
    return f"none of {culprits[0].beat.workers} workers has moved for {idle_s:.0f} s. Held up by {told}"
