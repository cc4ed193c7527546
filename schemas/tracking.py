"""Normalised URLs without the query parameters that only tell where a visitor came from.

In: URLs of `schemas.identity.normalise_urls`. Out: the same without the parameters of `TRACKING_PARAMETERS`, and
without the ``?`` when none is left. Parameters end at ``&``; names are compared without regard to case, as they stand
(percent-encoded names are others). What stays keeps its bytes and its order.
"""

import numpy as np
import pyarrow as pa

from schemas.buffers import string_buffers, strings
from schemas.kernels.compiled import kernel

TRACKING_PREFIXES = ("utm_", "pk_", "mtm_", "matomo_", "hsa_")
"""Google Analytics and its heirs: Urchin's tags, Piwik's, Matomo's, HubSpot's ads."""

TRACKING_PARAMETERS = (
    "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "srsltid", "msclkid", "yclid", "ysclid",
    "twclid", "ttclid", "li_fat_id", "igshid", "igsh", "epik", "rdt_cid", "sccid", "irclickid", "wickedid",
    "mc_cid", "mc_eid", "_ga", "_gl", "_hsenc", "_hsmi", "__hssc", "__hstc", "__hsfp", "hsctatracking", "mkt_tok",
    "vero_id", "vero_conv", "oly_enc_id", "oly_anon_id", "_openstat", "ml_subscriber", "ml_subscriber_hash",
    "_branch_match_id", "_branch_referrer", "s_kwcid", "ef_id",
)  # fmt: skip
"""Click and visitor ids of advertisers, mailers and social networks: those that browsers and ad blockers cut as well
(Firefox's query stripping, Brave, ClearURLs)."""

_QUESTION_MARK, _AMPERSAND, _EQUALS = 63, 38, 61


def _table(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *[len(name) for name in names]]).astype(np.int64)
    return np.frombuffer("".join(names).encode(), dtype=np.uint8), offsets


_NAMES = _table((*TRACKING_PREFIXES, *TRACKING_PARAMETERS))
_FIRST_BYTES = np.zeros(256, dtype=np.bool_)
for _name in (*TRACKING_PREFIXES, *TRACKING_PARAMETERS):
    _FIRST_BYTES[ord(_name[0])] = _FIRST_BYTES[ord(_name[0].upper())] = True


@kernel
def _is_tracking(data, begin, end, names, offsets, num_prefixes):
    for number in range(len(offsets) - 1):
        size = offsets[number + 1] - offsets[number]
        if end - begin < size or (number >= num_prefixes and end - begin != size):
            continue
        same = True
        for i in range(size):
            byte = data[begin + i]
            if 65 <= byte <= 90:
                byte |= 32
            if byte != names[offsets[number] + i]:
                same = False
                break
        if same:
            return True
    return False


@kernel
def _without_tracking(data, offsets, names, name_offsets, num_prefixes, first_bytes, out, out_offsets):
    write = 0
    for row in range(len(offsets) - 1):
        out_offsets[row] = write
        end = offsets[row + 1]
        i = offsets[row]
        while i < end and data[i] != _QUESTION_MARK:
            out[write] = data[i]
            write += 1
            i += 1
        question = write
        kept, cut = 0, 0
        while i < end:  # at the "?" or "&" before a parameter
            begin = i + 1
            stop = begin
            name_end = -1
            while stop < end and data[stop] != _AMPERSAND:
                if data[stop] == _EQUALS and name_end < 0:
                    name_end = stop
                stop += 1
            if name_end < 0:
                name_end = stop
            if (
                begin < stop
                and first_bytes[data[begin]]
                and _is_tracking(data, begin, name_end, names, name_offsets, num_prefixes)
            ):
                cut += 1
            else:
                out[write] = _AMPERSAND if kept else _QUESTION_MARK
                write += 1
                for j in range(begin, stop):
                    out[write] = data[j]
                    write += 1
                kept += 1
            i = stop
        if cut and not kept:
            write = question
    out_offsets[len(offsets) - 1] = write
    return write


def without_tracking(normalised_urls: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return normalised URLs without their tracking parameters."""
    data, offsets = string_buffers(normalised_urls)
    out = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint8)
    out_offsets = np.zeros(len(offsets), dtype=np.int64)
    size = _without_tracking(data, offsets, *_NAMES, len(TRACKING_PREFIXES), _FIRST_BYTES, out, out_offsets)
    return strings(out[:size], out_offsets)
