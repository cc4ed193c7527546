"""The report as one HTML page: a queries folder in, text out. Every text of the data is escaped by the template."""

from typing import Any

import pyarrow as pa
from markupsafe import Markup

from querygen.explain.bigram_rank import bigram_rule, settings
from querygen.explain.counts_file import CountsFile
from querygen.known_folder import open_queries
from querygen.report.charts import characters_chart, curve_chart, words_chart
from querygen.report.config import ReportConfig
from querygen.report.figures import TAKEABLE, lengths, listed_values, pmi_curve, samples, value_curve
from schemas.arrow_types import values_of
from schemas.html_page import page_template
from schemas.query import COUNTS, QUERIES, SYNSET_HEADS
from schemas.query_source import SOURCES
from schemas.storage import Folder
from schemas.tables import read_table


def write_report(config: ReportConfig) -> str:
    """Write the page and return where it is. The same folder, seed and samples give the same bytes.

    Raises FileNotFoundError for an unfinished folder, ValueError for one that lacks what the page shows.
    """
    page = report_page(Folder(config.queries), config.samples, config.seed)
    parent, _, name = config.output.rpartition("/")
    folder = Folder(parent or ("/" if config.output.startswith("/") else "."))
    folder.write(name, page.encode())
    return folder.path(name) if folder.local else f"{folder.url}/{name}"


def report_page(folder: Folder, num_samples: int, seed: int) -> str:
    """Return the page of a finished queries folder."""
    manifest, run = open_queries(folder)
    summary: dict[str, Any] = manifest["summary"]
    queries = read_table(folder, "queries.parquet", QUERIES)
    sized = lengths(queries)
    return page_template("querygen.report", "page.html").render(
        manifest=manifest,
        summary=summary,
        sources=SOURCES,
        curves=[Markup(svg) for svg in _curve_charts(folder, run, summary, queries)],
        length_charts=[Markup(chart(sized)) for chart in (words_chart, characters_chart)] if sized else [],
        lengths=sized,
        left_out=_left_out(summary),
        samples=samples(queries, num_samples, seed),
        seed=seed,
        languages=_languages(queries, summary),
        settings=sorted(run.get("config", {}).items()),
        command=run.get("command", ""),
        inputs=run.get("inputs", []),
        algorithm=run.get("versions", {}),
    )


def _curve_charts(folder: Folder, run: dict[str, Any], summary: dict[str, Any], queries: pa.Table) -> list[str]:
    asked = settings(run, summary)
    listed = {source: summary["overlap"][source][source] for source in SOURCES}
    words, bigrams, titles = (CountsFile(folder, f"counts/{name}.parquet", COUNTS[name]) for name in COUNTS)
    counts = listed_values(queries, "bigram", "count")
    views = max(1, int(asked.get("min_views") or 1))
    ranked_by = str(asked.get("titles_ranked_by", "views"))  # of a category without page views: length
    drawn = [
        (value_curve("word", "count", words, "count", "stored", listed["word"]), summary["min_word_count"]),
        (pmi_curve(bigrams, bigram_rule(words, asked), listed["bigram"]), _reached(summary, "bigram", "pmi")),
        (value_curve("bigram", "count", bigrams, "count", "stored", counts), summary["min_bigram_count"]),
        (
            value_curve("title", ranked_by, titles, "views", TAKEABLE, listed["title"], views),
            _reached(summary, "title", "views"),
        ),
    ]
    if folder.exists("counts/synsets.parquet"):
        heads = CountsFile(folder, "counts/synsets.parquet", SYNSET_HEADS)
        curve = value_curve("synset", "tag count", heads, "tag_count", TAKEABLE, listed["synset"])
        drawn.append((curve, _reached(summary, "synset", "tag_count")))
    return [curve_chart(curve, threshold, log_values=curve.value != "PMI in bits") for curve, threshold in drawn]


def _left_out(summary: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Return (source, reason, entries) of what was dropped, then what was broken; most entries of a source first."""
    groups = {source: summary.get("dropped", {}).get(source, {}) for source in SOURCES}
    groups["broken input"] = summary.get("rejections", {})
    return [
        (where, reason, count)
        for where, reasons in groups.items()
        for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        if count
    ]


def _reached(summary: dict[str, Any], source: str, value: str) -> float | None:
    found = summary.get("thresholds", {}).get(source, {}).get(value)
    return None if found is None else float(found)


def _languages(queries: pa.Table, summary: dict[str, Any]) -> str:
    found = sorted(values_of(queries["language"].unique())) or [summary.get("language", "")]
    return ", ".join(found)
