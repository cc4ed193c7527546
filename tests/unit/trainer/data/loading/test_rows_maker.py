"""Parts of a worker's rows: together the rows, the same streams in each part of every batch."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.opened_shards import open_shards
from tests.support.small_shards import captions, write_shards
from trainer.data.loading.rows_maker import MadeRows, RowsMaker, WorkerRows
from trainer.data.row_reader import RowReader
from trainer.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer([text for number in range(60) for text in captions(number)], vocab_size=600,
                            context_length=24)  # fmt: skip


class Arrays:
    """New arrays; with `waits` there is none as long as one that was not given back is used."""

    def __init__(self, waits: bool = False) -> None:
        self._waits = waits

    def take(self, number: int, begin: int, end: int, wait: bool) -> npt.NDArray[np.uint8] | None:
        return None if self._waits and not wait else np.empty((end - begin, 3, 32, 32), dtype=np.uint8)


def parts_of(data: Any, wanted: WorkerRows, parts: int, waits: bool = False) -> list[list[MadeRows]]:
    """Return the parts of each batch."""
    made = []
    for part in range(parts):
        maker = RowsMaker(data, RowReader(data, image_px=32), TOKENIZER, decode_threads=2, read_ahead_bytes=1 << 20)
        made.append(list(maker.made(wanted, Arrays(waits), part, parts)))
        maker.close()
    return [list(batch) for batch in zip(*made, strict=True)]


def joined(parts: list[MadeRows]) -> tuple[Any, ...]:
    begins = np.cumsum([0, *(len(part.ids) for part in parts)])[:-1]
    assert [part.begin for part in parts] == begins.tolist()
    return (
        np.concatenate([part.ids for part in parts]).tolist(),
        np.concatenate([part.images for part in parts]).tobytes(),
        [caption for part in parts for caption in part.captions],
        [tokens for part in parts for tokens in part.texts.to_lists()],
        sum(part.replaced for part in parts),
    )


@pytest.mark.parametrize("options", [{}, {"pool": 512}, {"weights": (1, 2)}], ids=["whole", "streams", "two sources"])
def test_parts_together_are_the_rows(tmp_path: Path, options: dict[str, Any]) -> None:
    """With broken samples, in batches over the end of an epoch, for a worker's rows in the middle of a batch."""
    folders = [write_shards(tmp_path / "a", 600, per_shard=250, broken=(3, 300)), write_shards(tmp_path / "b", 90)]
    data = open_shards(*folders, **options)
    wanted = WorkerRows(range(2, 12), 90, 7, 70)
    expected = [joined(batch) for batch in parts_of(data, wanted, 1)]
    assert sum(batch[-1] for batch in expected) > 0
    for parts, waits in ((2, False), (3, True), (5, False)):
        assert [joined(batch) for batch in parts_of(data, wanted, parts, waits)] == expected


def test_parts_can_be_empty(tmp_path: Path) -> None:
    data = open_shards(write_shards(tmp_path, 20))
    wanted = WorkerRows([0, 1, 5], 2, 0, 2)
    made = parts_of(data, wanted, 3)
    assert [joined(batch) for batch in made] == [joined(batch) for batch in parts_of(data, wanted, 1)]
    assert {len(part.ids) for batch in made for part in batch} == {0, 1}
