"""Which rule removes a row: the first that does, of those that were asked for."""

import pyarrow as pa
import pytest

from pipeline.similarity.measure import MEASURED
from pipeline.similarity.reasons import KEPT, Rules
from schemas.filtered import REASONS

ROWS = pa.Table.from_pylist(
    [
        {"id": "fits", "similarity": 0.5},
        {"id": "just", "similarity": 0.3},
        {"id": "low", "similarity": 0.29},
        {"id": "no text", "similarity": None},
        {"id": "low in evaluation", "similarity": 0.0, "evaluation_row": 0, "evaluation_similarity": 1.0},
        {"id": "no text in evaluation", "similarity": None, "evaluation_row": 3, "evaluation_similarity": 1.0},
    ],
    MEASURED,
)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(least=None, drop_without_text=False), [None, None, None, None, *["evaluation_image"] * 2]),
        (Rules(least=0.3, drop_without_text=False), [None, None, "low_similarity", None, *["evaluation_image"] * 2]),
        (
            Rules(least=0.3, drop_without_text=True),
            [None, None, "low_similarity", "without_features", *["evaluation_image"] * 2],
        ),
    ],
    ids=["evaluation", "least", "all"],
)
def test_reasons(rules: Rules, expected: list[str | None]) -> None:
    found = rules.reasons(ROWS)
    assert [None if place == KEPT else REASONS[place] for place in found] == expected
