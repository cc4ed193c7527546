"""Cycles are collected when told, at no other moment; afterwards all is as before."""

import gc

from trainer.step.garbage import steady_collections


def test_collections_come_after_the_same_steps() -> None:
    found: list[str] = []
    gc.callbacks.append(lambda phase, info: found.append(phase) if phase == "start" else None)
    watching = gc.callbacks[-1]
    try:
        with steady_collections(every_steps=10) as collections:
            assert gc.get_freeze_count() > 0
            found.clear()
            for step in range(1, 31):
                keep = [[] for _ in range(2_000)]  # far more than starts a collection
                collections.after(step)
            assert len(keep) == 2_000
            assert len(found) == 3
    finally:
        gc.callbacks.remove(watching)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
