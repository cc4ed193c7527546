"""Charts are the same bytes for the same numbers, and show what there is, if it is nothing too."""

from xml.etree import ElementTree

import numpy as np
import pytest

from querygen.report.charts import characters_chart, curve_chart, words_chart
from querygen.report.figures import MAX_CHARACTERS, MAX_WORDS, Curve, Lengths


def curve(values: list[float], num_listed: int) -> Curve:
    fields = dict.fromkeys(Curve.__dataclass_fields__)
    ranks, found = np.arange(1, len(values) + 1), np.array(values, dtype=np.float64)
    told = {
        "source": "word", "value": "count", "of": "stored", "num": len(values), "num_listed": num_listed,
        "points": (ranks, found), "listed": (ranks[:num_listed], found[:num_listed]),
    }  # fmt: skip
    return Curve(**fields | told)  # type: ignore[arg-type]


@pytest.mark.parametrize("log_values", [True, False])
@pytest.mark.parametrize("values", [[9000.0, 50.0, 7.0], [1.0], [0.0], []], ids=["some", "one", "zero", "none"])
def test_a_curve_is_drawn_and_again_the_same(values: list[float], log_values: bool) -> None:
    made = [curve_chart(curve(values, len(values)), 7.0, log_values) for _ in range(2)]
    assert made[0] == made[1]
    root = ElementTree.fromstring(made[0])
    assert root.attrib["aria-label"] == "count by rank of the words"
    told = " ".join(text.strip() for text in root.itertext() if text.strip())
    assert f"{len(values):,} stored" in told
    assert ("nothing above 0" in told) == (values == [0.0] and log_values)


def test_thousands_are_short() -> None:
    told = curve_chart(curve([2e9, 3e6, 4e3, 5.0], 2), None, True)
    assert ">threshold" not in told
    assert "2 in the list" in told


def lengths() -> Lengths:
    fields = dict.fromkeys(Lengths.__dataclass_fields__, 1)
    told = {
        "source": "bigram", "queries": 4, "words": np.eye(MAX_WORDS)[1] * 4,
        "characters": np.eye(MAX_CHARACTERS)[10] * 4,
    }  # fmt: skip
    return Lengths(**fields | told)  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", [words_chart, characters_chart])
def test_lengths_are_drawn_also_of_no_source(draw: object) -> None:
    assert callable(draw)
    for found in ([lengths()], []):
        svg = draw(found)
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert ("bigrams" in svg) == bool(found)
