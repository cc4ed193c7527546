"""The number of workers as an option: read, written, refused."""

import pytest

from trainer.workers.counts import check_workers, format_workers, least_workers, most_workers, parse_workers


@pytest.mark.parametrize(("text", "least", "most"), [("8", 8, 8), ("4:8", 4, 8), (" 1:1 ", 1, 1)])
def test_least_and_most(text: str, least: int, most: int) -> None:
    workers = parse_workers(text)
    assert (least_workers(workers), most_workers(workers)) == (least, most)
    assert parse_workers(format_workers(workers)) == workers


@pytest.mark.parametrize("text", ["", "x", "4:", ":8", "4-8", "-1", "1.5", "4:8:9"])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a number of workers \(8\), or the least and the most \(4:8\)"):
        parse_workers(text)


@pytest.mark.parametrize(
    ("workers", "message"),
    [(0, "at least 1, found 0"), ((0, 2), "at least 1, found 0:2"), ((3, 2), "the least, then the most, found 3:2")],
)
def test_no_workers_and_the_wrong_way_round(workers: int | tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^num_workers must be {message}$"):
        check_workers("num_workers", workers)
