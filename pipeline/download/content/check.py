"""Can what the options ask for be had? Told before the first request."""

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.download.config import DownloadConfig
from pipeline.download.content.arguments import check_columns
from pipeline.download.content.evaluation_set import evaluation_files
from pipeline.download.content.jpeg_xl import check_jpeg_xl
from pipeline.download.shard.plan import shard_plans
from schemas.arrow_types import arrow_file
from schemas.sample import EXTRA
from schemas.storage import Folder


def check_content(selection: Folder, config: DownloadConfig) -> None:
    """Raise ValueError or FileNotFoundError for a column not carried, a folder without images, a lacking extra."""
    if config.jpeg_xl:
        check_jpeg_xl()
    if config.decontaminate is not None:
        evaluation_files(config.decontaminate)
    if config.verify_hash is not None or config.blurring_bbox_col is not None:
        for plan in shard_plans(selection, 0)[:1]:
            check_columns(_carried(selection, plan.file), config, selection.url)


def _carried(selection: Folder, name: str) -> pa.StructType:
    with selection.open(name) as raw:
        schema = pq.read_schema(arrow_file(raw, mode="r"))
    return schema.field(EXTRA).type if EXTRA in schema.names else pa.struct([])
