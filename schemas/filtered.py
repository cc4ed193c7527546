"""What `pipeline filter` hands on: samples that are not to be used, and why, in the folder that it makes.

FOLDER/removed.parquet               a row a sample to be removed: `pipeline remove` adds them to shards
FOLDER/near_duplicates.parquet       of each near-duplicate the sample that it is like
FOLDER/evaluation_matches.parquet    of each image of an evaluation among the samples which it is
"""

import pyarrow as pa

from schemas.arrow_types import schema_of

KIND = "filtered"

REMOVED_NAME, NEAR_NAME, MATCHES_NAME = "removed.parquet", "near_duplicates.parquet", "evaluation_matches.parquet"

EVALUATION, NO_FEATURES, LOW, NEAR = "evaluation_image", "without_features", "low_similarity", "near_duplicate"
REASONS = (EVALUATION, NO_FEATURES, LOW, NEAR)
"""Why a sample is removed; of several reasons the first."""

REMOVED = schema_of([pa.field("key", pa.string(), nullable=False), pa.field("reason", pa.string(), nullable=False)])
"""key is the id of the features: the sample's key in its shards."""

NEAR_DUPLICATES = schema_of(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("like", pa.string(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
    ]
)
"""like is the key of a sample before it in the order of preference; similarity their images' cosine."""

EVALUATION_MATCHES = schema_of(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("evaluation", pa.int32(), nullable=False),
        pa.field("evaluation_id", pa.string(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
    ]
)
"""evaluation is the place, from 0, among the folders of --evaluation; evaluation_id the id there."""
