"""What is asked of images: laws of the draw, and a batch's sets put together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.detect.data.query_sets import draw_queries, join_queries

NUM = 12
CLASSES = st.lists(st.integers(0, NUM - 1), max_size=6)


@given(st.integers(0, 99), CLASSES, CLASSES, CLASSES, st.integers(1, 15))
def test_present_ones_stand_first_and_others_are_neither_present_nor_unsure(
    seed: int, present: list[int], absent: list[int], unsure: list[int], wanted: int
) -> None:
    asked = draw_queries(np.random.default_rng(seed), present, absent, unsure, NUM, wanted).tolist()
    own = sorted(set(present))
    negatives = asked[len(own) :]
    assert asked[: len(own)] == own
    assert len(set(asked)) == len(asked)
    assert set(absent) - set(own) <= set(negatives)
    drawn = set(negatives) - set(absent)
    assert not drawn & set(unsure)
    possible = NUM - len(set(present) | set(absent) | set(unsure))
    known = len(set(absent) - set(own))
    assert len(drawn) == min(possible, max(0, wanted - known))


def test_draws_differ_by_seed_alone() -> None:
    drawn = [tuple(draw_queries(np.random.default_rng(seed), [3], [], [], 50, 5)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_batch_asks_each_image_its_own() -> None:
    asked = [np.array([2, 5, 1]), np.array([7]), np.empty(0, dtype=np.int64)]
    labels = [np.array([5, 2, 5]), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)]
    sets = join_queries(asked, labels)
    assert sets.classes_U.tolist() == [1, 2, 5, 7]
    assert sets.asked_BQ.tolist() == [[True] * 3, [True, False, False], [False] * 3]
    assert sets.classes_U[sets.places_BQ[0]].tolist() == [2, 5, 1]
    assert sets.classes_U[sets.places_BQ[1, 0]] == 7
    assert [one.tolist() for one in sets.labels] == [[1, 0, 1], [], []]


def test_nothing_to_ask_is_no_error() -> None:
    sets = join_queries([np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)])
    assert sets.classes_U.size == 0
    assert sets.places_BQ.shape == (1, 0)
