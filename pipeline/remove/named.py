"""Lists of what is to be removed: files of URLs, domains and SHA-256s in; which rows of a table they name out.

--urls     an http(s) URL a line: compared in normal form, and without its tracking parameters as well
--domains  a host name a line: it and all below it, in any case, as letters or ``xn--``
--sha256   64 hex digits a line: of the bytes that were fetched, as tables of shards note them
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.filter.blocked_domains import load_domains, on_no_domain_list
from pipeline.filter.list_file import read_list
from schemas.arrow_types import values_of
from schemas.buffers import ids_from_words, one_chunk, words_from_ids
from schemas.identity import URL_FAULTS, image_ids, normalise_urls
from schemas.kernels.hash_set import UInt64Array, contains, hash_set
from schemas.tracking import without_tracking
from schemas.url_text import browser_urls

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ImageSet:
    """Images by image_id; asked by the first half of it, as block lists are: of 10 million ids in a billion rows it
    takes one row for another once in two thousand times.
    """

    ids: pa.Array
    slots: UInt64Array

    def holds(self, column: pa.ChunkedArray | pa.Array) -> Mask:
        """Tell of each image_id whether it is one of these."""
        found: Mask = contains(self.slots, words_from_ids(column)[:, 0])
        return found


def image_set(columns: Sequence[pa.ChunkedArray | pa.Array]) -> ImageSet:
    """Return the images of all columns, each once, in the order of their bytes."""
    words = np.concatenate([np.zeros((0, 2), dtype=np.uint64), *(words_from_ids(column) for column in columns)])
    ordered = np.unique(words.byteswap(), axis=0).byteswap()
    return ImageSet(ids_from_words(ordered), hash_set(np.unique(ordered[:, 0])))


@dataclass(frozen=True)
class Named:
    """What the lists name."""

    urls: ImageSet
    """The image_ids of the URLs."""
    domains: UInt64Array | None
    """Hashes of hosts (`pipeline.filter.blocked_domains`)."""
    sha256: frozenset[str]
    """In small letters."""

    def of_urls(self, urls: pa.ChunkedArray | pa.Array) -> Mask:
        """Tell of each URL, which may be null or faulty, whether a list of URLs names it."""
        if not len(self.urls.ids):
            return np.zeros(len(urls), dtype=np.bool_)
        normalised, _ = normalise_urls(urls)
        return self.urls.holds(image_ids(normalised))

    def of_domains(self, urls: pa.ChunkedArray | pa.Array) -> Mask:
        """Tell of each URL, which may be null or faulty, whether its host is on a list or below a listed one."""
        if self.domains is None:
            return np.zeros(len(urls), dtype=np.bool_)
        return ~on_no_domain_list(pa.table({"url": one_chunk(urls).cast(pa.string())}), self.domains)

    def of_texts(self, urls: pa.ChunkedArray | pa.Array) -> Mask:
        """Tell of each URL, which may be null or faulty, whether any list names it."""
        return self.of_urls(urls) | self.of_domains(urls)

    def of_digests(self, digests: pa.ChunkedArray | pa.Array) -> Mask:
        """Tell of each SHA-256 in hex, which may be null, whether it is on a list."""
        if not self.sha256:
            return np.zeros(len(digests), dtype=np.bool_)
        return np.array([digest in self.sha256 for digest in values_of(digests)], dtype=np.bool_)


def read_lists(urls: str, domains: str, sha256: str) -> Named:
    """Read the lists that are given (not empty). Raises ValueError or FileNotFoundError that name file and line."""
    return Named(
        image_set(_url_ids(urls) if urls else []),
        _domains(domains) if domains else None,
        frozenset(_digests(sha256) if sha256 else ()),
    )


def _url_ids(path: str) -> list[pa.Array]:
    listed = read_list(path, "urls")
    _check_filled("urls", path, len(listed.entries))
    normalised, faults = normalise_urls(browser_urls(listed.entries))
    for row in np.flatnonzero(faults)[:1]:
        raise listed.fault(int(row), f"an http(s) URL ({URL_FAULTS[faults[row]]})")
    return [image_ids(form) for form in (normalised, without_tracking(normalised))]


def _domains(path: str) -> UInt64Array:
    _check_filled("domains", path, len(read_list(path, "domains").entries))
    return load_domains((path,), "domains")


def _digests(path: str) -> list[str]:
    listed = read_list(path, "sha256")
    _check_filled("sha256", path, len(listed.entries))
    found = values_of(listed.entries)
    for row, digest in enumerate(found):
        if not _SHA256.fullmatch(digest):
            raise listed.fault(row, "a SHA-256 as 64 hex digits")
    return [digest.lower() for digest in found]


def _check_filled(option: str, path: str, entries: int) -> None:
    if not entries:
        raise ValueError(f"--{option} {path}: expected an entry a line, found none")
