"""Names of carried columns in shards: none takes another's place, for readers that know no case either."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.sample import (
    EXTRA,
    FURTHER_CAPTIONS,
    MISSING,
    SAMPLE_KEYS,
    SHARD_TABLE,
    extra_names,
    further_captions_schema,
    shard_schema,
)

OWN = {name.lower() for name in (*SHARD_TABLE.names, *SAMPLE_KEYS, EXTRA, MISSING)}
NAMES = st.lists(
    st.sampled_from(["url", "URL", "extra_url", "Extra_URL", "extra", "missing", "similarity", "Similarity", "Key"]),
    unique=True,
)


@given(NAMES)
def test_every_column_has_a_name_of_its_own(names: list[str]) -> None:
    extra = pa.struct([(name, pa.string()) for name in names])
    found = extra_names(extra)
    assert list(found) == names
    lower = [name.lower() for name in found.values()]
    assert len({*lower, *OWN}) == len(lower) + len(OWN)
    assert all(found[name] == name or found[name].endswith(name) for name in names)
    assert all(new == name for name, new in found.items() if name == "similarity" and "Similarity" not in names)


def test_carried_columns_stand_behind_our_own_and_once_more_for_every_caption() -> None:
    extra = pa.struct([("url", pa.string()), ("score", pa.float32())])
    schema = shard_schema(extra)
    assert schema.names == [*SHARD_TABLE.names, "extra_url", "score", "extra"]
    assert schema.field("extra").type == pa.list_(extra)
    assert further_captions_schema(extra).names == [*FURTHER_CAPTIONS.names, "extra"]


def test_without_columns_the_schemas_are_the_plain_ones() -> None:
    assert shard_schema(pa.struct([])).equals(SHARD_TABLE)
    assert further_captions_schema(pa.struct([])).equals(FURTHER_CAPTIONS)
