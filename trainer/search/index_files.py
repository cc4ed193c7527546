"""The files of an index, written from files of features block by block, and opened again.

    OUTPUT/features.npy     [N, E], float16 or float32, as they were embedded
    OUTPUT/codes.npy        [N, E] int8, with scales.npy and left_out.npy, [N] float32 (`trainer/search/codes.py`)
    OUTPUT/graph.usearch    of an approximate index, in place of the three
    OUTPUT/rows.parquet     what is told of each row
    OUTPUT/manifest.json    model, width, number of rows

Memory: a row group of features. Opened arrays are mapped: the folder is this project's own, its sizes are compared with
what was noted. Shapes: N rows, E embedding.
"""

import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow_types import arrow_file, schema_of
from schemas.feature_files import IMAGE, ROW_GROUP_ROWS, TEXT, TOLD, FeatureFiles
from schemas.manifest import manifest_sha256, read_files, read_manifest, write_manifest
from schemas.run_record import RunRecord, read_run, start_run
from schemas.storage import FileRecord, Folder
from trainer.search.codes import MAX_WIDTH, encode_rows
from trainer.search.config import BuildIndexConfig

KIND = "vectors"
FEATURES, CODES, SCALES, LEFT_OUT = "features.npy", "codes.npy", "scales.npy", "left_out.npy"
ROWS = "rows.parquet"
MAX_EXACT_ROWS = 10_000_000
"""Up to so many rows ``--kind auto`` is exact; a scan's time grows with them."""
EXACT, APPROXIMATE = "exact", "approximate"


def build_index(config: BuildIndexConfig) -> dict[str, Any]:
    """Write the index of a folder of features; return its summary. A build that was killed begins again.

    Raises ValueError or OSError for what is no such folder, and as `start_run` does.
    """
    source = FeatureFiles(config.features)
    column = _column(source, config.of)
    rows = source.rows - (source.without_caption if column == TEXT else 0)
    kind = config.kind if config.kind != "auto" else EXACT if rows <= MAX_EXACT_ROWS else APPROXIMATE
    folder = Folder(config.output)
    if not folder.local:
        raise ValueError(f"--output: an index is mapped, so it lies on this machine; found {folder.url}")
    if not rows or source.width > MAX_WIDTH:
        raise ValueError(
            f"--features: {source.folder.url}: {rows} rows of {source.width} numbers; expected 1 row or more, of at "
            f"most {MAX_WIDTH} numbers"
        )
    record = RunRecord(
        command="trainer build-index",
        config={"column": column, "kind": kind},
        inputs=[{"name": "features", "manifest_sha256": manifest_sha256(source.folder)}],
        paths=dict(read_run(source.folder).get("paths", {})),
    )
    if not start_run(folder, record):
        print(f"{folder.url} is finished already")
        return dict(read_manifest(folder, KIND)["summary"])
    files = _write_exact(folder, source, column, rows)
    if kind == APPROXIMATE:
        from trainer.search.approximate_index import write_graph

        for name in (CODES, SCALES, LEFT_OUT):
            folder.delete(name)
        files = [file for file in files if file.name not in (CODES, SCALES, LEFT_OUT)]
        files.append(write_graph(folder, _mapped(folder, FEATURES), config.threads))
    summary = {"model": source.model, "width": source.width, "rows": rows, "column": column, "kind": kind,
               "dtype": source.dtype}  # fmt: skip
    folder.delete_temporaries()
    write_manifest(folder, KIND, files, rows=rows, identity=record.identity, summary=summary)
    print(f"{kind} index of {rows:,} {column.replace('_', ' ')} of {source.width} numbers: {folder.url}")
    return summary


def _column(source: FeatureFiles, of: str) -> str:
    return {"images": IMAGE, "texts": TEXT, "auto": IMAGE if IMAGE in source.columns else TEXT}[of]


def _write_exact(folder: Folder, source: FeatureFiles, column: str, rows: int) -> list[FileRecord]:
    """Write all but the graph in one pass over the features."""
    dtype = np.dtype(np.float16 if source.dtype == "float16" else np.float32)
    kinds: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
        FEATURES: ((rows, source.width), dtype),
        CODES: ((rows, source.width), np.dtype(np.int8)),
        SCALES: ((rows,), np.dtype(np.float32)),
        LEFT_OUT: ((rows,), np.dtype(np.float32)),
    }
    schema = schema_of(TOLD)
    done = 0
    with ExitStack() as files:
        sinks = {name: files.enter_context(folder.writing(name)) for name in (*kinds, ROWS)}
        for name, (shape, kind) in kinds.items():
            sinks[name].write(_header(shape, kind))
        writer = files.enter_context(pq.ParquetWriter(arrow_file(sinks[ROWS], mode="w"), schema, compression="zstd"))
        for table in _whole_groups(source.tables(column)):
            features_NE = source.features(table, column).astype(dtype, copy=False)
            codes = encode_rows(features_NE.astype(np.float32), source.folder.url, done)
            for name, array in ((FEATURES, features_NE), (CODES, codes.codes_NE), (SCALES, codes.scales_N),
                                (LEFT_OUT, codes.left_out_N)):  # fmt: skip
                sinks[name].write(np.ascontiguousarray(array).data.cast("B"))
            writer.write_table(table.select(schema.names).cast(schema), row_group_size=ROW_GROUP_ROWS)
            done += len(table)
        if done != rows:
            raise ValueError(f"{source.folder.url}: expected {rows} rows by its manifest, found {done}; embed again")
    return [FileRecord(name, rows, sink.bytes, sink.sha256) for name, sink in sinks.items()]


def _whole_groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same rows in tables of `ROW_GROUP_ROWS`, but for the last: so a row's group is known by its number."""
    held: pa.Table | None = None
    for table in tables:
        held = table if held is None else pa.concat_tables([held, table])
        while len(held) >= ROW_GROUP_ROWS:
            yield held.slice(0, ROW_GROUP_ROWS)
            held = held.slice(ROW_GROUP_ROWS)
    if held is not None and len(held):
        yield held


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    sink = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        sink, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )
    return sink.getvalue()


def _mapped(folder: Folder, name: str) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = np.load(folder.path(name), mmap_mode="r", allow_pickle=False)
    return found


class IndexFiles:
    """A finished index, open."""

    def __init__(self, path: str) -> None:
        """Raise FileNotFoundError or ValueError for what is none, or is not as it was written."""
        self.folder = Folder(path)
        manifest = read_manifest(self.folder, KIND)
        summary = manifest["summary"]
        self.rows: int = manifest["rows"]
        self.model, self.column, self.kind = (str(summary[name]) for name in ("model", "column", "kind"))
        self.width = int(summary["width"])
        self.paths: dict[str, Any] = dict(read_run(self.folder).get("paths", {}))
        for record in read_files(self.folder):
            self.folder.check_recorded(record, self.folder.size(record.name))

    def array(self, name: str, dtypes: tuple[type, ...], width: int | None) -> npt.NDArray[Any]:
        """Return an array of the index, mapped. Raises ValueError for one of another shape or type."""
        found = _mapped(self.folder, name)
        shape = (self.rows,) if width is None else (self.rows, width)
        if found.shape != shape or found.dtype not in dtypes:
            raise ValueError(
                f"{self.folder.path(name)}: expected {list(shape)} of {dtypes[0].__name__}, found {list(found.shape)} "
                f"of {found.dtype}; build the index again"
            )
        return found

    def told(self, rows: list[int]) -> list[dict[str, Any]]:
        """Return what is told of these rows, in their order; each row group that holds one is read once."""
        found: dict[int, dict[str, Any]] = {}
        with pq.ParquetFile(self.folder.path(ROWS)) as file:
            for group in sorted({row // ROW_GROUP_ROWS for row in rows}):
                table = file.read_row_group(group)
                for row in rows:
                    if row // ROW_GROUP_ROWS == group:
                        found[row] = table.slice(row % ROW_GROUP_ROWS, 1).to_pylist()[0]
        return [found[row] for row in rows]
