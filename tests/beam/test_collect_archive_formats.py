"""Archives given under the name of the other format: the summary says which one reads them."""

from pathlib import Path
from typing import Literal

import pytest

from pipeline.collect.config import CollectConfig
from pipeline.collect.job import run_collect
from pipeline.collect.summary import print_collect
from tests.conftest import write_queries
from tests.support.crawl_files import page_record, record, wat_record

INFORMATION = record("warcinfo", "", "application/warc-fields", b"software: x\r\n")
WARC = INFORMATION + page_record("http://a.example/", "<img src=a.jpg alt='a cat'>")
WAT = INFORMATION + wat_record("http://a.example/", [{"path": "IMG@/src", "url": "a.jpg", "alt": "a cat"}])


@pytest.mark.parametrize(
    ("stored", "told", "hint"),
    [(WARC, "wat", "--input-format warc"), (WAT, "warc", "--input-format wat"), (WARC, "warc", ""), (WAT, "wat", "")],
    ids=["WARC as WAT", "WAT as WARC", "WARC", "WAT"],
)
def test_the_other_format_of_archives_is_hinted_at(
    stored: bytes, told: Literal["wat", "warc"], hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_queries(tmp_path / "queries", ["cat"])
    (tmp_path / "a.warc").write_bytes(stored)
    config = CollectConfig(
        input=f"{tmp_path}/a.warc", input_format=told, queries=f"{tmp_path}/queries", output=f"{tmp_path}/candidates"
    )
    manifest = run_collect(config, [])
    print_collect(manifest, "there")
    shown = " ".join(capsys.readouterr().out.split())
    assert manifest["summary"]["counts"]["candidates"] == (0 if hint else 1)
    assert hint in shown
    assert ("--input-format" in shown) == bool(hint)
