"""The files' schemas against a golden copy: a change here is a change of the contract, and of its version."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from schemas import SCHEMA_VERSION
from schemas.candidate import QUERY_COUNTS, candidate_schema, selection_schema
from schemas.feature_files import UNUSABLE, features_schema
from schemas.filtered import EVALUATION_MATCHES, NEAR_DUPLICATES, REMOVED
from schemas.manifest import FILES, KINDS
from schemas.query import BIGRAM_COUNTS, QUERIES, SYNSET_HEADS, TITLE_COUNTS, WORD_COUNTS
from schemas.recheck import RECHECK_STATUSES, RECHECKS
from schemas.rejection import REASONS, REJECTIONS
from schemas.removals import REMOVALS
from schemas.sample import (
    FURTHER_CAPTIONS,
    MISSING,
    SAMPLE_KEYS,
    SHARD_TABLE,
    STATUSES,
    further_captions_schema,
    shard_schema,
)
from schemas.shard_index import SHARD_INDEX
from schemas.stored_ids import stored_schema

GOLDEN = Path(__file__).parent.parent / "golden" / "schemas.json"

EXTRA = pa.struct([("similarity", pa.float32()), ("WIDTH", pa.int64())])

SCHEMAS = {
    "queries": QUERIES,
    "counts/words": WORD_COUNTS,
    "counts/bigrams": BIGRAM_COUNTS,
    "counts/titles": TITLE_COUNTS,
    "counts/synsets": SYNSET_HEADS,
    "candidates": candidate_schema(),
    "candidates with extra": candidate_schema(EXTRA),
    "selection": selection_schema(),
    "query_counts": QUERY_COUNTS,
    "shards": SHARD_TABLE,
    "shards with extra": shard_schema(EXTRA),
    "further captions": FURTHER_CAPTIONS,
    "further captions with extra": further_captions_schema(EXTRA),
    "rejections": REJECTIONS,
    "shard index": SHARD_INDEX,
    "removals": REMOVALS,
    "rechecks": RECHECKS,
    "features": features_schema("float16", 512, has_images=True, has_texts=True),
    "unusable": UNUSABLE,
    "removed": REMOVED,
    "near duplicates": NEAR_DUPLICATES,
    "evaluation matches": EVALUATION_MATCHES,
    "files": FILES,
}


def described(schema: pa.Schema) -> list[str]:
    stored = stored_schema(schema)
    return [f"{field.name}: {field.type}{'' if field.nullable else ' not null'}" for field in stored]


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_the_golden_one(name: str) -> None:
    assert described(SCHEMAS[name]) == json.loads(GOLDEN.read_text())["schemas"][name]


def test_words_of_the_contract_are_the_golden_ones() -> None:
    golden = json.loads(GOLDEN.read_text())
    assert golden["version"] == SCHEMA_VERSION
    assert golden["statuses"] == list(STATUSES)
    assert golden["sample_keys"] == [*SAMPLE_KEYS, MISSING]
    assert golden["recheck_statuses"] == list(RECHECK_STATUSES)
    assert golden["kinds"] == list(KINDS)
    assert golden["reasons"] == {stage: list(reasons) for stage, reasons in REASONS.items()}
