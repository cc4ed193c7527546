"""What the benches share: runs taken in turn, and the line that a figure is printed as."""

import time
from collections.abc import Callable

ROUNDS = 3


def best(*runs: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return the least seconds of each of `runs`, taken in turn `rounds` times."""
    seconds = [float("inf")] * len(runs)
    for _ in range(rounds):
        for number, run in enumerate(runs):
            start = time.perf_counter()
            run()
            seconds[number] = min(seconds[number], time.perf_counter() - start)
    return seconds


def line(name: str, ours: float, peer_name: str, peer: float, unit: str, wanted: float) -> None:
    """Print one figure. `wanted` is the least `ours` / `peer` to reach, or the most where `unit` counts a cost."""
    print(
        f"bench {name}: ours {_number(ours)} {unit}, {peer_name} {_number(peer)} {unit}, "
        f"ratio {ours / peer:.2f}, wanted {wanted:g}",
        flush=True,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
