"""URL block lists: pairs in, which images are on no list out.

An image_id is the hash of the normalised URL, so a list is kept as the set of its URLs' image_ids and a look-up reads
no text: a list of URLs stops these images under every spelling of scheme, host case, default port and fragment. A
listed URL with tracking parameters (`schemas.tracking`) stops the URL without them as well. An image that is here
already and came from a URL is looked up by that as well: its image_id may be of its place.
"""

import functools

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.filter.list_file import content_hashes, read_list
from schemas.buffers import words_from_ids
from schemas.identity import URL_FAULTS, image_ids, normalise_urls
from schemas.kernels.hash_set import UInt64Array, contains, hash_set
from schemas.tracking import without_tracking
from schemas.url_text import browser_urls

URL_ID = "url_id"
"""A column more where images are here already and have a URL: the image_id that their URL gives."""


def load_urls(paths: tuple[str, ...]) -> UInt64Array:
    """Return the set of the image_ids (first half) of all URLs of the lists."""
    return _load(paths, content_hashes(paths, "url_block_lists"))


@functools.lru_cache(maxsize=1)  # once per process, unless a list has changed
def _load(paths: tuple[str, ...], _: tuple[str, ...]) -> UInt64Array:
    found = [np.zeros(0, dtype=np.uint64)]
    for path in paths:
        urls = read_list(path, "url_block_lists")
        normalised, faults = normalise_urls(browser_urls(urls.entries))
        wrong = np.flatnonzero(faults)
        if len(wrong):
            raise urls.fault(int(wrong[0]), f"an http(s) URL ({URL_FAULTS[faults[wrong[0]]]})")
        found += [words_from_ids(image_ids(form))[:, 0] for form in (normalised, without_tracking(normalised))]
    return hash_set(np.unique(np.concatenate(found)))


def on_no_url_list(pairs: pa.Table, blocked: UInt64Array) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether its image_id, or that of its URL, is not in `blocked` (see `load_urls`)."""
    keep = ~contains(blocked, words_from_ids(pairs["image_id"])[:, 0])
    if URL_ID in pairs.schema.names:
        keep &= ~contains(blocked, words_from_ids(pairs[URL_ID])[:, 0])
    return keep
