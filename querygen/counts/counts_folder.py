"""``querygen count`` and ``querygen merge``: exact counts of words and bigrams in a folder of their own.

runs/       the counts of each unit of the dump, see `querygen.counts.count_pages`
words.parquet, bigrams.parquet, redirects.parquet, rejections/querygen.parquet
"""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pyarrow as pa
from rich.console import Console

from querygen.config import CountConfig, MergeConfig
from querygen.counts.count_pages import STATISTICS, DumpCounts, left_out_pages, prepare, read_counts
from querygen.counts.counting import count, merge, plan
from querygen.known_folder import counted_unit, counts_summary
from querygen.text.segment import Segmenter, find_segmenter
from querygen.wiki.dump import SiteInfo
from querygen.wiki.redirects import REDIRECTS
from querygen.workers.hashing import digests
from querygen.workers.numbered_units import numbered_unit, unit_name
from querygen.workers.pool import processes
from querygen.workers.progress import bar
from schemas import units
from schemas.input_files import expand_glob
from schemas.manifest import manifest_sha256, read_files, write_manifest
from schemas.printable import one_line, printable
from schemas.query import BIGRAM_COUNTS, WORD_COUNTS
from schemas.rejection import by_reason, write_rejections
from schemas.run_options import identity_options
from schemas.run_record import MANIFEST_FILE, RunRecord, start_run
from schemas.storage import FileRecord, Folder
from schemas.tables import write_table

ALGORITHM_VERSION = "2"
LOSSES = frozenset(("file_truncated", "file_unreadable", "block_damaged"))
"""Rejections that mean: the counts are those of a part of the input."""
DAMAGED = "; a part of the input could not be read, see rejections/"


def make_counts(config: CountConfig) -> bool:
    """Count the dump files of `config`; tell whether all of them could be read whole.

    Raises FileNotFoundError for absent input, ValueError for a dump without articles, FolderConflict.
    """
    paths = expand_glob(config.dump)
    segmenter = find_segmenter(config.language)
    folder = Folder(config.output)
    with processes(config.num_processes, config.memory_gb, prepare) as pool:  # they start while the input is hashed
        inputs = digests(paths)
        record = RunRecord(
            command="querygen count",
            config=identity_options(config),
            inputs=inputs,
            algorithm=ALGORITHM_VERSION,
            paths={"dump": paths},
        )
        if not start_run(folder, record):
            return _say_finished(folder)
        units, notes = plan(paths, [file["bytes"] for file in inputs])
        counts = count(folder.sub("runs"), units, segmenter, pool)
        check_articles(counts, config.dump)
        site = site_summary(units[0].header.site)
        known = {"inputs": inputs, "site": site, "notes": notes}
        return _finish(folder, record, config, counts, segmenter, known, pool)


def merge_counts(config: MergeConfig) -> bool:
    """Join counts folders into one; tell whether their dumps could be read whole.

    Raises FileNotFoundError, FolderConflict, and ValueError when two of them counted the same file.
    """
    sources = [Folder(path) for path in config.inputs]
    segmenter = find_segmenter(counts_summary(sources[0])["language"])
    counted, inputs, site = check_counts_folders(sources, segmenter)
    record = RunRecord(
        command="querygen merge",
        config=identity_options(config),
        inputs=[
            {"name": f"counts-{i}", "manifest_sha256": manifest_sha256(source)} for i, source in enumerate(sources)
        ],
        algorithm=ALGORITHM_VERSION,
        paths={"inputs": [source.url for source in sources]},
    )
    folder = Folder(config.output)
    if not start_run(folder, record):
        return _say_finished(folder)
    number = 0
    for source, num_units in zip(sources, counted, strict=True):
        for unit in range(num_units):
            _copy_unit(source.sub("runs"), unit, folder.sub("runs"), number)
            number += 1
    with processes(config.num_processes, config.memory_gb, prepare) as pool:
        counts = read_counts(folder.sub("runs"), number)
        known = {"inputs": inputs, "site": site, "notes": []}
        return _finish(folder, record, config, counts, segmenter, known, pool)


def open_counts(paths: list[str], segmenter: Segmenter) -> tuple[DumpCounts, SiteInfo]:
    """Return what finished counts folders hold together, and their wiki.

    Raises ValueError over a file that is not as it was written, and for counts of another language.
    """
    folders = sorted((Folder(path) for path in paths), key=_identity)  # the order they are given in does not matter
    counted, _, site = check_counts_folders(folders, segmenter)
    whole = DumpCounts()
    for folder, num_units in zip(folders, counted, strict=True):
        part = read_counts(folder.sub("runs"), num_units)
        _check_files(folder.sub("runs"), part)
        whole.runs += part.runs
        whole.rejections += part.rejections
        whole.redirects = pa.concat_tables([whole.redirects, part.redirects])
        for key in STATISTICS:
            whole.statistics[key] += part.statistics[key]
        whole.models.update(part.models)
    return whole, read_site_summary(site)


def describe_counts(paths: list[str]) -> list[dict[str, Any]]:
    """Return what identifies counts folders as inputs of a run, in whatever order they are given."""
    identities = sorted(_identity(Folder(path)) for path in paths)
    return [{"name": f"counts-{number}", "manifest_sha256": found} for number, found in enumerate(identities)]


def check_counts_folders(
    folders: list[Folder], segmenter: Segmenter
) -> tuple[list[int], list[dict[str, Any]], dict[str, Any]]:
    """Return (units of each folder, all their input files, their wiki).

    Raises ValueError over a file counted twice, for a folder of another language or segmenter, and for one whose words
    are in another normal form.
    """
    counted: list[int] = []
    inputs: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    site: dict[str, Any] = {}
    for folder in folders:
        summary = counts_summary(folder)
        _check_units(folder, summary["num_units"])
        counted.append(summary["num_units"])
        site = site or summary["site"]
        if (summary["language"], summary["segmenter"]) != (segmenter.language, segmenter.version):
            raise ValueError(
                f"{folder.url} was counted with --language {summary['language']} "
                f"({summary['segmenter'] or 'no segmenter'}), expected {segmenter.language} "
                f"({segmenter.version or 'no segmenter'}); count its files again with that"
            )
        for file in summary["inputs"]:
            if file["sha256"] in seen:
                raise ValueError(
                    f"{folder.url} and {seen[file['sha256']]} both counted {file['name']!r}; each file must be counted "
                    f"once: leave one of the folders out"
                )
            seen[file["sha256"]] = folder.url
            inputs.append(file)
    return counted, inputs, site


def _check_units(folder: Folder, num_units: int) -> None:
    """Raise ValueError unless the commits of the units name just the files of runs/ that the folder lists."""
    listed = {file.name: file.sha256 for file in read_files(folder) if file.name.startswith("runs/")}
    found: dict[str, str] = {}
    for number in range(num_units):
        unit = numbered_unit(folder.sub("runs"), number)
        found |= {f"runs/{file.name}": file.sha256 for file in unit.files}
    if found != listed:
        differing = sorted(name for name in found.keys() | listed.keys() if found.get(name) != listed.get(name))
        raise ValueError(
            f"{folder.path(differing[0])}: its SHA-256 is not the one its run noted; the file was changed or damaged, "
            "count it again"
        )


def check_articles(counts: DumpCounts, source: str) -> None:
    """Raise ValueError when no article was read."""
    if counts.statistics["articles"] == 0:
        reasons = left_out_pages(counts.statistics | {"models": counts.models})
        reasons += sorted({f"{row.reason} in {row.source_file}" for row in counts.rejections})
        raise ValueError(
            f"no article in {source!r} ({counts.statistics['pages']} pages"
            f"{'; ' + ', '.join(reasons[:3]) if reasons else ''}); expected a MediaWiki XML dump such as "
            f"enwiki-YYYYMMDD-pages-articles-multistream.xml.bz2, or Parquet tables of articles"
        )


def is_whole(rejected: dict[str, int]) -> bool:
    """Tell from counts of rejections by reason whether the input could be read whole."""
    return not any(rejected.get(reason) for reason in LOSSES)


def site_summary(site: SiteInfo) -> dict[str, Any]:
    """Return `site` as JSON values."""
    names = {str(number): list(values) for number, values in sorted(site.namespaces.items())}
    return {"namespaces": names, "main_page": site.main_page, "language": site.language}


def read_site_summary(values: dict[str, Any]) -> SiteInfo:
    """Return what `site_summary` was made from."""
    namespaces = {int(number): tuple(names) for number, names in values["namespaces"].items()}
    return SiteInfo(namespaces=namespaces, main_page=values["main_page"], language=values["language"])


def _finish(
    folder: Folder, record: RunRecord, config: CountConfig | MergeConfig, counts: DumpCounts,
    segmenter: Segmenter, known: dict[str, Any], pool: Executor | None,
) -> bool:  # fmt: skip
    floor = config.count_floor
    files = [FileRecord(f"runs/{file.name}", file.rows, file.bytes, file.sha256) for file in counts.files]

    def write_words(words: pa.Table) -> None:
        files.append(write_table(folder, "words.parquet", words, WORD_COUNTS))

    merged = merge(counts.runs, config.min_word_count, floor, floor, pool, write_words)
    files.append(write_table(folder, "bigrams.parquet", merged.bigrams, BIGRAM_COUNTS))
    files.append(write_table(folder, "redirects.parquet", counts.redirects, REDIRECTS))
    files.append(write_rejections(folder, "querygen", counts.rejections))
    rejected = by_reason(counts.rejections)
    summary = {
        **known,
        "language": segmenter.language,
        "segmenter": segmenter.version,
        "num_units": len(folder.names("runs", suffix=".json")),
        "statistics": counts.statistics,
        "models": dict(sorted(counts.models.items())),
        "words": merged.num_words,
        "distinct_words": merged.num_distinct_words,
        "bigrams": len(merged.bigrams),
        "floors": {"words": floor, "bigrams": floor, "words_of_bigrams": config.min_word_count},
        "rejections": rejected,
    }
    write_manifest(folder, "counts", files, rows=len(merged.words), identity=record.identity, summary=summary)
    folder.delete_temporaries()
    console = Console(soft_wrap=True)
    console.print(
        f"{merged.num_words:,} words ({merged.num_distinct_words:,} distinct) of "
        f"{counts.statistics['articles']:,} articles; kept in {one_line(folder.url)}: {len(merged.words):,} words "
        f"and {len(merged.bigrams):,} bigrams seen {floor} times or more",
        markup=False,
    )
    for text in left_out_pages(counts.statistics | {"models": counts.models}):
        console.print(f"left out: {printable(text)}", markup=False)
    for reason, number in rejected.items():
        console.print(f"rejected: {reason} {number:,} (rejections/querygen.parquet)")
    return is_whole(rejected)


def _copy_unit(source: Folder, number: int, target: Folder, new_number: int) -> None:
    """Copy a unit unless it was; raise ValueError over a file of it that is not as it was written."""
    name, new_name = unit_name(number), unit_name(new_number)
    copy = units.read_unit(target, f"{new_name}.json")
    if copy is not None and units.is_whole(target, copy):
        for record in copy.files:
            target.check_file(record)
        return
    unit = counted_unit(source, number)
    copied = []
    for record in unit.files:
        new = replace(record, name=record.name.replace(name, new_name, 1))
        with source.open(record.name) as raw, target.writing(new.name) as sink:
            while block := raw.read(1 << 22):
                sink.write(block)
        source.check_recorded(record, sink.bytes, sink.sha256)
        copied.append(new)
    runs = [run.replace(name, new_name, 1) for run in unit.body["runs"]]
    units.commit_unit(target, f"{new_name}.json", copied, {**unit.body, "runs": runs})


def _identity(folder: Folder) -> str:
    return manifest_sha256(folder) if folder.exists(MANIFEST_FILE) else ""


def _check_files(folder: Folder, counts: DumpCounts) -> None:
    """Raise ValueError over a file of runs that is not as it was written."""
    with bar(sum(file.bytes for file in counts.files), "checking counts") as progress:
        for file in counts.files:
            folder.check_file(file, progress.update)


def _say_finished(folder: Folder) -> bool:
    summary = counts_summary(folder)
    whole = is_whole(summary["rejections"])
    said = f"finished already, {summary['words']:,} words; nothing to do{'' if whole else DAMAGED}"
    print(f"{one_line(folder.url)}: {said}")
    return whole
