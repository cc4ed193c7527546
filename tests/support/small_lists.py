"""Small query lists that the tests of a room look at, by what is done with them."""

import pytest

from querygen.command import main
from tests.support.queries import Counts

EXPLAINED = Counts(
    words={"new": 100, "york": 40, "city": 40, "of": 400, "the": 500, "dog": 10, "rare": 9, "hapax": 2, "gone": 1},
    bigrams={("new", "york"): 30, ("york", "city"): 10, ("of", "the"): 5, ("rare", "dog"): 6, ("new", "city"): 4,
             ("the", "dog"): 5, ("city", "of"): 6, ("dog", "city"): 1},
    titles={"new york city": 90, "dog": 50, "red a novel": 7, "cat": 2},
    heads={"dog": 42, "new york": 7, "st louis": 1, "zoo": 0},
    budgets=(2, 2, 1),
)  # fmt: skip

HOSTILE = "</td><script>alert('x')</script><img src=http://evil.example/a onerror=\"b\">\x1b[31m\u202e {{ 7*7 }}"

REPORTED = Counts(
    words={"new": 100, "york": 40, "city": 40, "dog": 10, "rare": 9},
    bigrams={("new", "york"): 30, ("york", "city"): 10, ("new", "city"): 4, ("city", "dog"): 5},
    titles={"new york city": 9000, "dog": 50, HOSTILE.lower(): 7, "cat": 2},
    heads={"dog": 42, "zoo": 1, "cat": 0},
)  # fmt: skip

COMPARED = Counts(
    words={"dog": 20, "cat": 15, "red": 12, "fox": 11},
    bigrams={("red", "fox"): 9},
    titles={"dog": 3, "new york": 2},
    heads={"cat": 4, "zoo": 1},
)


def explain_command(arguments: list[str]) -> int:
    """Run `querygen explain`; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["explain", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code
