"""`pipeline report`: numbers that add up to those of the folder, strangers' text as text, equal bytes, refusals."""

import base64
import io
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.__main__ import main
from pipeline.report.config import ReportConfig
from pipeline.report.funnel import funnel
from pipeline.report.numbers import find_numbers
from pipeline.report.page import report_page
from pipeline.report.stages import find_stages
from pipeline.run.job import run_all
from schemas.storage import Folder
from tests.support.download import serving
from tests.support.finished_run import file_bytes, run_config

HOSTILE = [
    "a zebra <script>alert('x')</script> dog", "a zebra \"dog\" ' onerror=alert(1) {{ 7*7 }}",
    "a zebra \u202egod\u202c dog \u200f", "a zebra " + "x" * 10_000,
]  # fmt: skip


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("reported")
    with serving() as web:
        config = run_config(directory, web)
        rows = pq.read_table(directory / "in.parquet").to_pylist()
        rows += [{"URL": web.url(f"good/{100 + n}.jpg"), "TEXT": text} for n, text in enumerate(HOSTILE)]
        rows += [{"URL": web.url("good/200.jpg"), "TEXT": "nothing of it"}, {"URL": "ftp://x/y", "TEXT": "a red one"}]
        rows += [rows[0]]
        pq.write_table(pa.Table.from_pylist(rows), directory / "in.parquet")
        (directory / "queries.json").write_text('["red", "dog", "zebra"]')  # the last matches few: none is left out
        run_all(replace(config, max_caption_bytes=20_000), [])
    return directory / "run"


def made(run: Path, **options: object) -> str:
    config = ReportConfig(**{"folder": str(run), "times": False, **options})  # type: ignore[arg-type]
    return report_page(find_numbers(find_stages(Folder(str(run))), config), config)


def test_every_step_of_the_funnel_adds_up_to_the_folder(run: Path) -> None:
    numbers = find_numbers(find_stages(Folder(str(run))), ReportConfig(folder=str(run)))
    steps = {step.name: step for step in numbers.steps}
    assert all(step.is_whole for step in numbers.steps), numbers.steps
    rows = ds.dataset(sorted(run.glob("candidates/*.parquet"))).count_rows()
    assert steps["candidates"].count == rows
    assert steps["records"].count == 40 * 2 + len(HOSTILE) + 3
    assert steps["candidates"].losses == {"broken: url_not_http": 1, "not wanted: no_match": 1, "duplicates": 1}
    assert steps["selected"].count == ds.dataset(sorted(run.glob("selection/*.parquet"))).count_rows()
    files = sorted([*run.glob("shards/0*.parquet"), *run.glob("shards/without-images-*.parquet")])
    stored = pa.concat_tables([pq.read_table(file, columns=["status", "reason"]) for file in files])
    assert steps["stored"].count == pc.sum(pc.equal(stored["status"], "success")).as_py()
    reasons = stored["reason"].drop_null().value_counts().to_pylist()
    assert steps["stored"].losses == {found["values"]: found["counts"] for found in reasons}
    assert numbers.stored is not None
    removals = run / "shards" / "removals.parquet"
    assert sum(numbers.stored.removed.values()) == 0 or removals.exists()
    matched = [ids for file in run.glob("shards/0*.parquet") for row in pq.read_table(file).to_pylist()
               if row["status"] == "success" for caption in row["query_ids"] for ids in caption]  # fmt: skip
    assert numbers.stored.matched.tolist() == [matched.count(query) for query in range(len(numbers.stored.matched))]


def test_strangers_text_is_text_and_no_foreign_byte_is_in_it(run: Path) -> None:
    text = made(run)
    page = Page(text)
    assert page.tags.count("script") == 1
    assert not any(name.startswith("on") for name in page.attributes)
    assert "<script>alert" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\u202e" not in text
    assert "x" * 100 in text
    assert "x" * 500 not in text
    assert len(text) < 10_000_000
    sources = page.attributes["src"]
    assert sources
    for source in sources:
        assert source.startswith("data:image/jpeg;base64,")
        image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        assert max(image.size) <= 128
    assert all(link.startswith("#") for link in page.attributes["href"])
    policy = next(found for found in page.attributes["content"] if "default-src 'none'" in found)
    assert re.search("script-src 'sha256-[A-Za-z0-9+/=]{44}'", policy)
    assert all(found for found in page.attributes["alt"])


def test_the_same_run_gives_the_same_bytes_and_its_files_stay(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = file_bytes(run)
    main(["report", str(run), "--no-times"])
    assert capsys.readouterr().out == f"written to {run}/report.html\n"
    first = (run / "report.html").read_bytes()
    assert b'id="times"' not in first
    main(["report", str(run), "--no-times", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "run"
    assert "times" not in told
    assert (run / "report.html").read_bytes() == first
    (run / "report.html").unlink()
    assert file_bytes(run) == before
    assert 'id="times"' in made(run, times=True)


@pytest.mark.parametrize("stage", ["candidates", "selection", "shards"])
def test_a_stage_alone_says_what_is_missing(run: Path, stage: str) -> None:
    page = Page(made(run / stage))
    assert "What is not here" in page.text
    assert ("script" in page.tags) == (stage == "shards")


def test_what_is_no_finished_run_is_told_in_a_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(folder: Path) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["report", str(folder)])
        assert ended.value.code == 2
        return capsys.readouterr().err

    assert "no such folder" in refused(tmp_path / "none")
    (tmp_path / "other").mkdir()
    assert "expected a folder of pipeline run" in refused(tmp_path / "other")
    half = tmp_path / "half"
    shutil.copytree(run, half)
    (half / "manifest.json").unlink()
    assert "is unfinished" in refused(half)
    mixed = tmp_path / "mixed"
    shutil.copytree(run, mixed)
    manifest = mixed / "shards" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"identity": "f" * 32}))
    found = refused(mixed)
    assert "of another run" in found
    assert found.count("\n") == 1


def test_removed_samples_are_a_step_and_not_shown() -> None:
    summary = {"images_planned": 10, "images_succeeded": 7, "outcomes": {"success": 7, "http_error": 2, "removed": 1}}
    steps = funnel(None, [], summary, {"placeholder": 3})
    assert [step.count for step in steps] == [9, 7, 4]
    assert all(step.is_whole for step in steps)
