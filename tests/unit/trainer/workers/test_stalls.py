"""Who holds up a run is told from the workers' latest signs of life."""

from trainer.workers.stalls import SILENT_S, WAITS, Beat, Heard, describe, keep, stalled

LIMIT_S = 300.0


def beat(rank: int, step: int, doing: str = WAITS, done: int = 1, workers: int = 3, process: int = 100) -> Beat:
    return Beat(rank=rank, workers=workers, node=f"n{rank}", process=process + rank, step=step, doing=doing, done=done)


def heard(*beats: Beat, at_s: float = 0.0, last_s: float = LIMIT_S) -> dict[int, Heard]:
    """Return what is known of workers that moved at `at_s` and gave the same sign until `last_s`."""
    found: dict[int, Heard] = {}
    for now_s in (at_s, last_s):
        for one in beats:
            keep(found, one, now_s)
    return found


def blamed(found: dict[int, Heard], now_s: float = LIMIT_S) -> list[int]:
    return [one.beat.rank for one in stalled(found, now_s, LIMIT_S)]


def test_nobody_before_the_limit() -> None:
    found = heard(beat(0, 5), beat(1, 5, "waits for data"))
    assert blamed(found, LIMIT_S - 1) == []
    assert blamed({}) == []


def test_nobody_while_one_still_moves() -> None:
    found = heard(beat(0, 5), beat(1, 5, "waits for data"))
    keep(found, beat(1, 5, done=2), LIMIT_S)
    assert blamed(found, LIMIT_S + 1) == []


def test_the_one_that_does_something_by_itself() -> None:
    assert blamed(heard(beat(0, 5), beat(1, 5, "waits for data"), beat(2, 6))) == [1]


def test_the_silent_one_before_all_others() -> None:
    found = heard(beat(0, 5, "waits for data"), beat(1, 5))
    keep(found, beat(0, 5, "waits for data"), LIMIT_S + SILENT_S)
    assert blamed(found, LIMIT_S + SILENT_S + 1) == [1]


def test_the_earliest_where_all_say_the_same() -> None:
    assert blamed(heard(beat(0, 6), beat(1, 5), beat(2, 6))) == [1]
    assert blamed(heard(beat(0, 5, "waits for data"), beat(1, 5, "waits for data"))) == [0, 1]


def test_a_smaller_group_forgets_the_workers_that_are_gone() -> None:
    found = heard(beat(0, 5), beat(1, 5), beat(2, 5))
    keep(found, beat(0, 5, workers=2, process=200), LIMIT_S)
    assert sorted(found) == [0, 1]
    assert blamed(found, LIMIT_S + 1) == []


def test_a_line_names_worker_node_process_step_and_what_it_did() -> None:
    found = heard(beat(0, 5), beat(1, 5, "waits for data"), beat(2, 5))
    told = describe(stalled(found, LIMIT_S, LIMIT_S), LIMIT_S)
    assert told == (
        "none of 3 workers has moved for 300 s. Held up by worker 1 (node n1, process 101) at step 6: waits for data"
    )
    assert describe(stalled(found, 400.0, LIMIT_S), 400.0).endswith("silent for 100 s")
