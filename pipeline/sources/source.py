"""What every source gives: splits of the input, and the raw pairs of a split as Arrow tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas import packed
from schemas.candidate import IMAGE_REF
from schemas.public_url import public_text
from schemas.rejection import cut

BROKEN_DATA = (*packed.BROKEN_DATA, pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError)
"""What readers raise on damaged files."""

_RAW_FIELDS = [
    pa.field("url", pa.string()),
    pa.field("image_ref", IMAGE_REF),
    pa.field("caption", pa.string()),
    pa.field("text_source", pa.string(), nullable=False),
    pa.field("page_url", pa.string()),
    pa.field("source_row", pa.int64(), nullable=False),
    pa.field("language", pa.string()),
    pa.field("license", pa.string()),
]

MAX_CELL_BYTES = 1 << 20
"""A text cell, caption file or JSON member above this is a rejection, not read into memory."""


KNOWN_IMAGE_ID = "known_image_id"
"""A column more of tables whose images may have an id that their place does not tell (`sources.images.local_pairs`):
such pairs are of our own shards, and their captions stored ones already."""


def raw_schema(extra: pa.StructType | None) -> pa.Schema:
    """Return the schema of the tables a source yields: pairs as they stand in the input, nothing checked yet."""
    return pa.schema(_RAW_FIELDS + ([pa.field("extra", extra)] if extra is not None and extra.num_fields else []))


@dataclass(frozen=True)
class Dialect:
    """How a CSV or TSV is written."""

    delimiter: str
    backslash: bool = False
    """In a quoted cell a backslash escapes a quote, or itself."""
    skips_space: bool = False
    """Blanks at the beginning of a cell do not count."""


@dataclass(frozen=True)
class InputFile:
    """A file of the input as it was listed."""

    path: str
    """The file (of a folder of images: the folder) by absolute path or URL."""
    name: str
    """Its name relative to the input's root: what outputs carry."""
    num_bytes: int | None = None
    """None: not known, because asking is a request, and a published listing names 100,000 files that never change."""


class FileChanged(ValueError):
    """A file of the input has another size than when it was listed."""

    def __init__(self, path: str, found: int, listed: int) -> None:
        super().__init__(
            f"{public_text(path)}: found {found} bytes, not the {listed} it had when the run listed its input; "
            "once nothing writes to the input, begin again with another --output"
        )


@dataclass(frozen=True)
class InputSplit:
    """A part of the input that one worker reads: the unit of resumption of collect."""

    index: int
    path: str
    """The file (or input root) by absolute path or URL."""
    name: str
    """The same relative to the input's root: what outputs carry."""
    begin: int = 0
    end: int = 0
    """Row groups of a Parquet file, bytes of a CSV, TSV or JSON lines (an end of 0: to the end of the file)."""
    first_row: int = 0
    """The number in the file of the first row."""
    members: tuple[str, ...] = field(default=())
    """Files of a folder split."""
    member_bytes: tuple[int, ...] = field(default=())
    """Their sizes."""
    columns: tuple[str, str] = ("", "")
    """Columns of URL and caption of a table, decided once per file."""
    caption_beside: str = ""
    """Column of the caption of rows whose list of captions has no item."""
    names: tuple[str, ...] = ()
    """All columns of a CSV or TSV; empty: not known yet."""
    dialect: Dialect | None = None
    """Of a CSV or TSV."""
    passed_over: tuple[tuple[str, int], ...] = ()
    """Of the first split of a folder: files of the whole folder that are no records, by reason."""
    percent_encoded: bool = False
    """The captions are written as in a URL (YFCC100M)."""
    file_bytes: int | None = None
    """Size of the file as it was listed, if known: one of another size is not read."""


@dataclass
class Broken:
    """A record that cannot be read: becomes a rejection. Its value is cut at once: it may be megabytes."""

    reason: str
    position: int
    value: str | bytes | None = None

    def __post_init__(self) -> None:
        self.value = cut(self.value)


RECORD = "record_"
"""A reason of `Dropped` with this before it is one of a whole record of a web archive, others are of its images."""


@dataclass(frozen=True)
class Read:
    """Records of a web archive that were read: what they gave are pairs and images, which are counted beside them."""

    count: int
    num_cut: int
    """Those that end early (cut by the crawler, say) and were read as far as they go."""


@dataclass(frozen=True)
class Dropped:
    """Good records that the options of the input leave out, counted but not kept."""

    reason: str
    count: int


@dataclass(frozen=True)
class Noted:
    """What a split tells of the columns carried through."""

    kinds: dict[str, int] = field(default_factory=dict)
    """Of each open column (`pipeline.sources.tables.value_kinds`) the kinds of its values."""
    unfit: dict[str, int] = field(default_factory=dict)
    """How many values of a column are null because no column can hold them: bytes that are no UTF-8."""


@dataclass(frozen=True)
class ByteRange:
    """A part of a file that begins and ends where a row does."""

    begin: int = 0
    end: int = 0
    """0: to the end of the file."""
    first_row: int = 0
    """The number in the file of the first row."""
    file_bytes: int | None = None
    """Size of the whole file as it was listed, if known."""


@dataclass(frozen=True)
class Rows:
    """Rows of a table with their numbers in the file."""

    table: pa.Table
    numbers: npt.NDArray[np.int64]
    kinds: Mapping[str, npt.NDArray[np.uint16]] | None = None
    """Of JSON, whose columns are plain texts: the kind of each value (`pipeline.sources.tables.value_kinds`)."""

    def filtered(self, keep: npt.NDArray[np.bool_]) -> "Rows":
        """Return the rows of which `keep` is true."""
        if keep.all():
            return self
        kinds = {name: found[keep] for name, found in self.kinds.items()} if self.kinds is not None else None
        return Rows(self.table.filter(pa.array(keep)), self.numbers[keep], kinds)


def is_unicode(text: str) -> bool:
    """Tell whether `text` has no lone surrogates: names of files and tar members may be any bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return str(error).splitlines()[0] if str(error) else ""


class Source(Protocol):
    """One input format."""

    root_name: str
    """Names the input in image references: never a machine path."""
    files_beside: tuple[InputFile, ...]
    """Files that are read besides those of the splits."""

    @property
    def extra(self) -> pa.StructType:
        """The columns carried through; open ones (`pipeline.sources.tables.value_kinds`) as plain text."""
        ...

    @property
    def open_columns(self) -> frozenset[str]:
        """Those of them whose type their values tell: `Noted` has their kinds."""
        ...

    def splits(self) -> list[InputSplit]:
        """Return the splits, in a fixed order for the same input."""
        ...

    def read(self, split: InputSplit) -> Iterator[pa.Table | Broken | Dropped | Read | Noted]:
        """Yield the pairs of `split` as tables of `raw_schema`; broken records, and counts of others left out, between.

        A record is in a table, broken, or counted as dropped: exactly one of them. A record of a web archive, which
        holds any number of pairs, is counted as read, broken, or counted as dropped.
        """
        ...


class WholeFiles:
    """Files, one split each."""

    extra = pa.struct([])
    open_columns: frozenset[str] = frozenset()
    files_beside: tuple[InputFile, ...] = ()

    def __init__(self, files: Sequence[InputFile], root_name: str) -> None:
        self.root_name = root_name
        self._files = files

    def __getstate__(self) -> dict[str, Any]:
        """Go to the workers without the list of all files."""
        return {**self.__dict__, "_files": ()}

    def splits(self) -> list[InputSplit]:
        return [
            InputSplit(index, file.path, file.name, file_bytes=file.num_bytes) for index, file in enumerate(self._files)
        ]
