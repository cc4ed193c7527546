"""No element of any job is larger than its bound, also when every caption has 100 kB."""

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.balance.config import BalanceConfig
from pipeline.balance.job import run_balance
from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.explain.config import ExplainConfig
from pipeline.explain.job import run_explain
from pipeline.shuffle import exchange
from pipeline.shuffle.elements import MAX_ELEMENT_BYTES, MAX_ELEMENT_ROWS, ArrowTableCoder

CAPTION_BYTES, ROWS = 100_000, 150


@pytest.fixture
def elements(monkeypatch: pytest.MonkeyPatch) -> list[pa.Table]:
    """All tables that jobs code, which is all that goes from one stage to the next: by the runner or by files."""
    found: list[pa.Table] = []
    encode, park = ArrowTableCoder.encode, exchange.encode

    def encoding(coder: ArrowTableCoder, value: pa.Table) -> bytes:
        found.append(value)
        return encode(coder, value)

    def parking(value: pa.Table) -> pa.Buffer:
        found.append(value)
        return park(value)

    monkeypatch.setattr(ArrowTableCoder, "encode", encoding)
    monkeypatch.setattr(exchange, "encode", parking)
    return found


@pytest.mark.parametrize("options", [{}, {"captions_per_image": 3, "max_images_per_caption": 100}])
def test_captions_of_100_kb(
    options: dict[str, int], tmp_path: Path, elements: list[pa.Table], queries_folder: Callable[[list[str]], str]
) -> None:
    choose = random.Random(1)
    captions = [f"red dog {choose.randbytes(CAPTION_BYTES // 2).hex()}" for _ in range(ROWS)]
    urls = [f"http://images.example/{number // 2}.jpg" for number in range(ROWS)]
    pq.write_table(pa.table({"url": urls, "text": captions}), tmp_path / "a.parquet")
    collect = CollectConfig(
        input=str(tmp_path / "a.parquet"), queries=queries_folder(["red", "dog"]), output=str(tmp_path / "c"),
        max_caption_bytes=2 * CAPTION_BYTES, **options,  # type: ignore[arg-type]
    )  # fmt: skip
    assert run_collect(collect, [])["rows"] == ROWS
    collected = len(elements)
    assert sum(table.nbytes for table in elements) > ROWS * CAPTION_BYTES  # they did go through a shuffle
    balance = BalanceConfig(candidates=collect.output, output=str(tmp_path / "s"), max_pairs_per_query=ROWS - 10)
    assert run_balance(balance, [])["rows"] == ROWS - 10
    assert sum(table.nbytes for table in elements[collected:]) > (ROWS - 10) * CAPTION_BYTES
    pair = pq.read_table(f"{balance.output}/00000.parquet")["pair_id"][0].as_py().hex()
    run_explain(ExplainConfig(candidates=collect.output, selection=balance.output, pair=pair), [])
    assert max(table.nbytes for table in elements) <= MAX_ELEMENT_BYTES
    assert max(len(table) for table in elements) <= MAX_ELEMENT_ROWS
