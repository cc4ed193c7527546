"""The samples of a tar in WebDataset's layout: members of one key, side by side.

In: an open tar, read as hostile: header by header, nothing extracted, pictures stepped over. Out: its samples in order,
and what was passed over, by reason. The key of a member is its name up to the first dot of the last part:

    cat/._7.jpg       a side file: passed over, and does not end the sample it stands in
    cat/7.jpg         key cat/7, suffix .jpg
    cat/7.mask.png    key cat/7, suffix .mask.png
    ./cat/7.txt       key cat/7: a leading ./ is no part of it

In that last we differ from webdataset, to which ``a.jpg`` and ``./a.txt`` are of two keys: they are one file's name and
its neighbour's wherever the tar is unpacked, and ``tar`` writes one or the other by how it was called.
"""

import hashlib
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, NamedTuple

from schemas.side_files import is_side_file

SIDE_FILE, NO_SUFFIX, NO_FILE, TOO_MANY = "side_file", "member_without_suffix", "member_no_file", "too_many_members"
"""Why a member is passed over: by its name; it has no dot, so neither key nor suffix, as in webdataset; it is a link, a
device or sparse, so its bytes are not at its place; its sample has `MAX_MEMBERS_OF_SAMPLE` already."""

MAX_MEMBERS_OF_SAMPLE = 1_000
MAX_KEYS_REMEMBERED = 1 << 18
"""Of one tar, about 25 MB: of further keys it is not told that they stood before."""

FEW_ZEROS, MANY_ZEROS = 16 << 10, 1 << 20
"""Read at once behind a tar's end: writers fill up to 10 KB; of longer runs."""
MAGIC, MAGIC_AT = b"ustar", 257
"""What a header holds in all formats in use, and where."""

KEY_RULE = "a key ends at the first dot of the file name, and the members of a key stand side by side"


class TarMember(NamedTuple):
    """One file of a tar whose bytes are all there."""

    name: str
    """Without a leading ``./``. Bytes that are no UTF-8 are lone surrogates."""
    suffix: str
    """From the first dot on, in lower case."""
    offset: int
    size: int


@dataclass
class TarSample:
    """The members of one key that stand side by side."""

    key: str
    offset: int
    """Of the first member's header."""
    seen_before: bool
    """The key stood in this tar before, with other members between."""
    members: list[TarMember] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    """By suffix, what the first member of each suffix asked for begins with."""

    def names(self) -> str:
        """Return the names of the first members, for a message."""
        if not self.members:
            return f"{self.key} (its members are cut off)"
        shown = ", ".join(member.name for member in self.members[:4])
        return shown + (f" and {len(self.members) - 4} more" if len(self.members) > 4 else "")


class TarSamples:
    """Iterate it once. Raises what tarfile raises on damage, after the sample before it; it takes most for the end."""

    def __init__(self, raw: IO[bytes], text_suffixes: tuple[str, ...] = (), max_text_bytes: int = 0) -> None:
        """Of members with one of `text_suffixes` up to `max_text_bytes` are read at once, while the file is there."""
        self._raw, self._text_suffixes, self._max_text_bytes = raw, text_suffixes, max_text_bytes
        self.passed_over: Counter[str] = Counter()
        self.num_members = 0
        self.end = 0
        """Where reading ended."""
        self.is_whole = False
        """After the last sample: the block of zeros that ends an archive is there, so the tar is not cut or damaged."""
        self.damaged_at = -1
        """Where zeros stand in a header's place, or behind zeros what is no header; -1 where nothing does."""

    def __iter__(self) -> Iterator[TarSample]:
        size = self._raw.seek(0, 2)
        self._raw.seek(0)
        sample: TarSample | None = None
        seen: set[int] = set()
        try:
            with tarfile.open(fileobj=self._raw, mode="r:", errors="surrogateescape") as tar:
                for info in self._members(tar, size):
                    name = info.name.removeprefix("./")
                    key, suffix = cut_name(name)
                    if self._passes_over(info, name, suffix):
                        continue
                    if sample is None or sample.key != key:
                        if sample is not None:
                            yield sample
                        sample = TarSample(key, info.offset, _is_in(seen, key))
                    if len(sample.members) == MAX_MEMBERS_OF_SAMPLE:
                        self.passed_over[TOO_MANY] += 1
                    elif info.offset_data + info.size <= size:
                        self._add(sample, TarMember(name, suffix, info.offset_data, info.size))
        except Exception:
            if sample is not None:
                yield sample  # what came before the damage
            raise
        if sample is not None:
            yield sample
        self._raw.seek(self.end)
        block = self._raw.read(tarfile.BLOCKSIZE)
        self.is_whole = len(block) == tarfile.BLOCKSIZE and not any(block) and self.damaged_at < 0

    def _members(self, tar: tarfile.TarFile, size: int) -> Iterator[tarfile.TarInfo]:
        """Yield the members, also those of archives written one behind the other and those behind a zeroed header."""
        zeros = -1  # where those begin that a header was looked for behind
        while True:
            before = tar.offset
            while (info := tar.next()) is not None:
                zeros = -1
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps a kilobyte of each
                yield info
            if zeros < 0:
                self.end = tar.offset
            behind = self._behind_zeros(tar.offset, size)
            if behind == size:
                return
            if behind > tar.offset:
                zeros, tar.offset = tar.offset, behind
                if behind - zeros == tarfile.BLOCKSIZE:
                    self._is_damaged(zeros)
                continue
            if zeros < 0:  # a broken header, behind which nobody looks: tarfile takes it for the end
                return
            self._is_damaged(before)
            tar.offset = self._next_header(before + tarfile.BLOCKSIZE)
            if tar.offset < 0:
                return

    def _is_damaged(self, at: int) -> None:
        self.damaged_at = at if self.damaged_at < 0 else self.damaged_at

    def _behind_zeros(self, at: int, size: int) -> int:
        """Return where from block `at` on the first block begins that is not all zeros; `size` where none does."""
        place, count = at, FEW_ZEROS
        self._raw.seek(at)
        while window := self._raw.read(count):
            if filled := window.lstrip(b"\0"):
                first = place + len(window) - len(filled)
                return first - (first - at) % tarfile.BLOCKSIZE
            place, count = place + len(window), MANY_ZEROS
        return size

    def _next_header(self, at: int) -> int:
        """Return where from block `at` on the first block begins that says it is a header; -1 where none does."""
        self._raw.seek(at)
        while window := self._raw.read(MANY_ZEROS):
            found = window.find(MAGIC, MAGIC_AT)
            while found >= 0:
                if found % tarfile.BLOCKSIZE == MAGIC_AT:
                    return at + found - MAGIC_AT
                found = window.find(MAGIC, found + 1)
            at += len(window)
        return -1

    def _passes_over(self, info: tarfile.TarInfo, name: str, suffix: str) -> bool:
        if info.isdir():
            return True
        self.num_members += 1
        reason = (
            SIDE_FILE if is_side_file(name)
            else NO_FILE if not info.isreg() or info.issparse()
            else NO_SUFFIX if not suffix
            else ""
        )  # fmt: skip
        if reason:
            self.passed_over[reason] += 1
        return bool(reason)

    def _add(self, sample: TarSample, member: TarMember) -> None:
        sample.members.append(member)
        if member.suffix in self._text_suffixes and member.suffix not in sample.texts:
            self._raw.seek(member.offset)  # tarfile finds its place by itself
            sample.texts[member.suffix] = self._raw.read(min(member.size, self._max_text_bytes))


def cut_name(name: str) -> tuple[str, str]:
    """Return (key, suffix) of a member: cut at the first dot of the last part, as webdataset does."""
    folder, slash, base = name.rpartition("/")
    stem, dot, suffix = base.partition(".")
    return folder + slash + stem, (dot + suffix).lower()


def _is_in(seen: set[int], key: str) -> bool:
    """Tell whether `key` was asked for before, and remember it."""
    number = int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    if number in seen:
        return True
    if len(seen) < MAX_KEYS_REMEMBERED:
        seen.add(number)
    return False
