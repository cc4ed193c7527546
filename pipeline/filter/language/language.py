"""Languages of captions: pairs in; the same with `language` and `language_score` filled, and which are wanted, out.

Identified by fastText's lid.176 (`pipeline.filter.language.model`): 176 languages by ISO 639 code. `language_score` is
the model's probability, null where the language is the input's. A caption of three words is a guess, names make the
score low. Captions all in capitals are identified in lower case: of 153 such captions of a LAION table the model takes
74 for English as they stand, and 131 so.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.filter.language.kernel import identify_rows, work_space
from pipeline.filter.language.model import LanguageModel
from schemas.buffers import one_chunk, string_buffers
from schemas.kernels.compiled import kernel

LANGUAGE_SCORE = pa.field("language_score", pa.float32())


def without_scores(pairs: pa.Table) -> pa.Table:
    """Return `pairs` with a `language_score` of nulls: nothing was identified."""
    return pairs.append_column(LANGUAGE_SCORE, pa.nulls(len(pairs), pa.float32()))


def identify_languages(pairs: pa.Table, model: LanguageModel, everywhere: bool) -> pa.Table:
    """Return `pairs` with `language_score`, and `language` where it was missing (or `everywhere`)."""
    declared = one_chunk(pairs["language"])
    if everywhere:
        wanted = np.ones(len(pairs), dtype=np.bool_)
    else:
        wanted = pc.fill_null(pc.equal(declared, ""), True).to_numpy(zero_copy_only=False)
    if not wanted.any():
        return without_scores(pairs)
    mask = pa.array(wanted)
    captions = without_capitals(one_chunk(pairs["caption"]).filter(mask))
    labels, scores = identify(*string_buffers(captions), model)
    found = pa.DictionaryArray.from_arrays(pa.array(labels), pa.array(model.labels)).cast(pa.string())
    languages = pc.replace_with_mask(declared, mask, found)
    all_scores = pc.replace_with_mask(pa.nulls(len(pairs), pa.float32()), mask, pa.array(scores))
    place = pairs.schema.get_field_index("language")
    return pairs.set_column(place, pairs.schema.field("language"), languages).append_column(LANGUAGE_SCORE, all_scores)


def without_capitals(captions: pa.Array) -> pa.Array:
    """Return `captions`, those with capitals and no small letter in lower case."""
    data, offsets = string_buffers(captions)
    rows = np.flatnonzero(_no_small_ascii_letter(data, offsets))
    texts = captions.take(pa.array(rows))
    lowered = pc.utf8_lower(texts)
    capitals = pc.and_(pc.equal(pc.utf8_upper(texts), texts), pc.not_equal(lowered, texts))
    if not pc.any(capitals).as_py():
        return captions
    mask = np.zeros(len(captions), dtype=np.bool_)
    mask[rows] = capitals.to_numpy(zero_copy_only=False)
    return pc.replace_with_mask(captions, pa.array(mask), lowered.filter(capitals))


@kernel
def _no_small_ascii_letter(data, offsets):
    found = np.ones(len(offsets) - 1, dtype=np.bool_)
    for row in range(len(found)):
        for i in range(offsets[row], offsets[row + 1]):
            if 97 <= data[i] <= 122:
                found[row] = False
                break
    return found


def is_sure(pairs: pa.Table, min_score: float) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether its language was not identified with less than `min_score`."""
    keep = pc.fill_null(pc.greater_equal(pairs["language_score"], np.float32(min_score)), True)
    return np.asarray(keep.to_numpy())


def has_language(pairs: pa.Table, wanted: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Tell of each pair whether its language is one of `wanted`: ``en-US`` and ``EN_gb`` are en; null is none."""
    coded = one_chunk(pairs["language"]).dictionary_encode()
    names = pc.utf8_lower(coded.dictionary)
    codes = pc.replace_substring_regex(pc.utf8_trim_whitespace(names), "[-_].*$", "")
    is_wanted = np.append(pc.is_in(codes, pa.array(wanted, pa.string())).to_numpy(zero_copy_only=False), False)
    return is_wanted[coded.indices.fill_null(-1).to_numpy()].astype(np.bool_)


def identify(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], model: LanguageModel
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the number of the likeliest label of each text and its probability."""
    longest = int(np.diff(offsets).max(initial=0))
    labels = np.zeros(len(offsets) - 1, dtype=np.int32)
    scores = np.zeros(len(offsets) - 1, dtype=np.float32)
    identify_rows(data, offsets, model.arrays, work_space(longest), labels, scores)
    return labels, scores
