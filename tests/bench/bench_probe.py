"""The search for C of a linear probe, ours and scikit-learn's logistic regression by the same coarse-to-fine steps.

Run by `make bench BENCH=probe`: 100 classes, 5,000 training rows of 256 dimensions, float32; `python -m
tests.bench.bench_probe --whole` takes 50,000 of 768, a quarter of an hour. Processor time, one thread
each, so that other work on the machine does not count. Each ends by its own rule; a line shows
where that is: our objective of scikit-learn's, at the same C. Rows are made: classes overlap, and the spectrum falls.
"""

import sys
from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tests.bench.cpu_seconds import taken_by
from tests.bench.timing import line
from trainer.evaluate.probe.link import Softmax
from trainer.evaluate.probe.logistic_regression import MAX_ITERATIONS, Regression
from trainer.evaluate.probe.strength_search import DECADES, FIRST_STEP, STEPS_A_DECADE, find_strength, strength

CLASSES = 100
SMALL, WHOLE = (5_000, 256), (50_000, 768)
WANTED = 5.0


def made(num: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 rows and their classes."""
    draw = np.random.default_rng(0)
    spread = np.arange(1, dimensions + 1) ** -0.5
    axes = np.linalg.qr(draw.standard_normal((dimensions, dimensions)))[0]
    means = 0.25 * draw.standard_normal((CLASSES, dimensions)) * spread
    labels = np.arange(num) % CLASSES
    rows = (means[labels] + draw.standard_normal((num, dimensions)) * spread) @ axes
    return (2 * rows + draw.standard_normal(dimensions)).astype(np.float32), labels


def peers_search(fit: Callable[[float], float]) -> tuple[float, dict[int, float]]:
    """Return the C that the same steps find, each fit begun at 0, and all that were tried."""
    edge, step = DECADES * STEPS_A_DECADE, FIRST_STEP
    known = {place: fit(strength(place)) for place in range(-edge, edge + 1, step)}
    while step := step // 2:
        centre = max(known, key=lambda place: (known[place], -place))
        known |= {p: fit(strength(p)) for p in (centre - step, centre + step) if abs(p) <= edge and p not in known}
    return strength(max(known, key=lambda place: (known[place], -place))), known


def main() -> None:
    num, dimensions = WHOLE if "--whole" in sys.argv else SMALL
    held_out = num // 5
    features, labels = made(num + held_out, dimensions)
    train, validation = features[held_out:], features[:held_out]
    torch.set_num_threads(1)
    rows, targets = torch.from_numpy(train), torch.from_numpy(labels[held_out:])
    found = []

    def ours() -> None:
        found[:] = [
            find_strength(
                Regression(rows, Softmax(targets, CLASSES)),
                lambda scores_NK: float((scores_NK.argmax(dim=1).numpy() == labels[:held_out]).mean()),
                torch.from_numpy(validation),
                CLASSES,
            )
        ]

    peer_objectives = {}

    def peer_fit(c: float) -> float:
        fitted = LogisticRegression(C=c, max_iter=MAX_ITERATIONS).fit(train, labels[held_out:])
        print(f"  scikit-learn, C {c:.3g}: {fitted.n_iter_[0]} iterations", flush=True)
        weights_KD = torch.from_numpy(fitted.coef_).double()
        scores_NK = rows.double() @ weights_KD.T + torch.from_numpy(fitted.intercept_).double()
        losses = float(torch.nn.functional.cross_entropy(scores_NK, targets, reduction="sum"))
        peer_objectives[c] = c * losses + 0.5 * float(weights_KD.square().sum())
        return float(fitted.score(validation, labels[:held_out]))

    our_seconds = taken_by(ours).cpu
    print(f"bench probe: {num:,} x {dimensions}, {CLASSES} classes, one thread")
    print(
        f"ours: C {found[0].strength:.3g}, {max(m for _, m in found[0].tried):.2%}, {our_seconds:.1f} s of CPU",
        flush=True,
    )
    with threadpool_limits(1):
        peer: list[tuple[float, dict[int, float]]] = []
        peer_seconds = taken_by(lambda: peer.append(peers_search(peer_fit))).cpu
    print(f"scikit-learn: C {peer[0][0]:.3g}, {max(peer[0][1].values()):.2%}")
    regression = Regression(rows, Softmax(targets, CLASSES))
    of_peer = {c: regression.fit([c]).objectives[0] / theirs for c, theirs in sorted(peer_objectives.items())}
    print("our objective of scikit-learn's: " + ", ".join(f"C {c:.3g}: {share:.4f}" for c, share in of_peer.items()))
    line("probe-search", 1 / our_seconds, "scikit-learn", 1 / peer_seconds, "searches/s of CPU", WANTED)


if __name__ == "__main__":
    main()
