"""The report as one HTML page: numbers in, text out. Every text of the data is escaped by the template."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from pipeline.download.recheck.chart import draw_curve
from pipeline.report.charts import bars_chart, histogram_chart, query_curves
from pipeline.report.config import REPORT_FILE, ReportConfig
from pipeline.report.numbers import Numbers, find_numbers
from pipeline.report.pairs import tables_of
from pipeline.report.showing import Gallery, shown_row
from pipeline.report.stages import find_stages
from pipeline.report.thumbnails import Thumbnails
from schemas.html_page import page_template
from schemas.storage import Folder

PACKAGE = "pipeline.report"


def write_report(config: ReportConfig) -> tuple[str, dict[str, Any]]:
    """Write the page; return where it is, and its numbers. The same folder, seed and options give the same bytes.

    Raises FileNotFoundError for what is no output or unfinished, ValueError for folders that are not of one run.
    """
    source = Folder(config.folder)
    numbers = find_numbers(find_stages(source), config)
    parent, _, name = (config.output or f"{source.url}/{REPORT_FILE}").rpartition("/")
    folder = Folder(parent or ("/" if config.output.startswith("/") else "."))
    folder.write(name, report_page(numbers, config).encode())
    return folder.path(name) if folder.local else f"{folder.url}/{name}", numbers.as_json()


def report_page(numbers: Numbers, config: ReportConfig) -> str:
    """Return the page."""
    told = numbers.as_json()
    stages, pairs, stored, shards = numbers.stages, numbers.pairs, numbers.stored, numbers.stages.shards
    script = (files(PACKAGE) / "gallery.js").read_text("utf-8")
    pictures = None if shards is None else Thumbnails(shards.folder, shards.summary.get("output_format", "webdataset"))
    gallery = Gallery(numbers.drawn.rows, {}, numbers.queries, pictures)
    if shards is not None:
        keys = [str(row["key"]) for row in numbers.drawn.rows]
        gallery = Gallery(numbers.drawn.rows, tables_of(stages, keys), numbers.queries, pictures)
    queries = _queries(numbers, told, pictures)
    candidates = stages.candidates
    return page_template(PACKAGE, "page.html").render(
        headline=_headline(numbers),
        kind=stages.kind,
        identity=stages.identity,
        sections=_sections(numbers),
        missing=numbers.missing,
        steps=numbers.steps,
        queries=queries,
        later_round=len(stages.selections) > 1,
        pairs=told["pairs"],
        stored=told["stored"],
        means=_means(told),
        captions_chart=Markup(histogram_chart(pairs.captions, f"Lengths of captions, {pairs.of}", "characters"))
        if pairs else None,
        stored_charts=[] if stored is None else [
            Markup(histogram_chart(stored.sides, "Shorter sides of stored images", "pixels, as fetched")),
            Markup(histogram_chart(stored.aspects, "Aspects of stored images", "width / height, as fetched")),
            *([] if pairs else [Markup(histogram_chart(stored.captions, "Lengths of captions", "characters"))]),
        ],
        download=numbers.download,
        outcomes=_outcomes(numbers),
        outcomes_chart=_outcomes_chart(numbers),
        recheck_chart=Markup(draw_curve(numbers.download["recheck"]))
        if numbers.download and numbers.download["recheck"] else None,
        duplicates=None if candidates is None else candidates.summary["counts"]["duplicates"],
        gallery=None if shards is None else gallery.shown,
        choices=gallery.choices,
        pictures_failed=0 if pictures is None else pictures.failed,
        pictures_left_out=0 if pictures is None else pictures.left_out,
        seed=config.seed,
        times=numbers.times,
        script=Markup(script),
        script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
    )  # fmt: skip


def _headline(numbers: Numbers) -> str:
    last = numbers.steps[-1] if numbers.steps else None
    return f"{last.count:,} {last.unit} {last.name}" if last else "nothing"


def _sections(numbers: Numbers) -> list[tuple[str, str]]:
    found = [("funnel", "Funnel")]
    if numbers.queries is not None:
        found.append(("queries", "Queries"))
    if numbers.pairs or numbers.stored:
        found.append(("sizes", "Captions and images"))
    found.append(("sources", "Sources and languages"))
    if numbers.download is not None:
        found += [("download", "Download"), ("pictures", "Pictures")]
    return found + ([("times", "Time")] if numbers.times is not None else [])


def _queries(numbers: Numbers, told: dict[str, Any], pictures: Thumbnails | None) -> dict[str, Any] | None:
    queries = numbers.queries
    if queries is None:
        return None
    caps = told["queries"]["balance"]["caps"]
    chart = query_curves(queries.matched, queries.selected, caps, numbers.stored_matches)
    found = {**told["queries"], "chart": Markup(chart)}
    for name in ("top", "rare"):
        found[name] = [
            {
                **row,
                "samples": None if pictures is None else [
                    shown_row(drawn, pictures, row["query_id"]) for drawn in numbers.per_query.rows(row["query_id"])
                ],
            }
            for row in found[name]
        ]  # fmt: skip
    return found


def _means(told: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    names = {
        "shorter_side_px": "shorter side, pixels", "aspect": "width / height",
        "caption_characters": "characters of stored captions", "captions_per_image": "captions of a stored image",
    }  # fmt: skip
    found = [(words, told["stored"][name]) for name, words in names.items()] if told["stored"] else []
    if told["pairs"]:
        found.append((f"characters of a caption, {told['pairs']['of']}", told["pairs"]["caption_characters"]))
    return found


def _outcomes(numbers: Numbers) -> list[tuple[str, int]]:
    counts = numbers.download["outcomes"] if numbers.download else {}
    return sorted(counts.items(), key=lambda item: (item[0] != "success", -item[1], item[0]))


def _outcomes_chart(numbers: Numbers) -> Markup:
    if numbers.download is None:
        return Markup("")
    known, asked = numbers.download["known"], numbers.download["asked"]
    line = (known["share"] * asked, f"{known['what']}, {known['day']}: {known['share']:.0%}")
    return Markup(bars_chart(_outcomes(numbers), "Outcomes of the download", line))
