"""What identifies a run of collect: its options and its inputs, as far as they decide the candidates' bytes.

In: the configuration, the input and its splits, the queries. Out: the `RunRecord`.
"""

from pipeline.collect.config import CollectConfig
from pipeline.filter.filters import filter_inputs
from pipeline.sources.input import Input, listed_inputs
from pipeline.sources.source import InputSplit
from pipeline.sources.tables.row_filter import source_inputs
from schemas.manifest import manifest_sha256
from schemas.run_options import identity_options
from schemas.run_record import RunRecord
from schemas.storage import Folder

ALGORITHM_VERSION = "4"
"""Part of the identity: raise it whenever the files of unfinished runs cannot be gone on with."""


def collect_record(config: CollectConfig, inputs: Input, splits: list[InputSplit], queries: Folder) -> RunRecord:
    """Return the record of a run. Raises ValueError or FileNotFoundError for lists that the options name."""
    return RunRecord(
        command="pipeline collect",
        config=identity_options(config) | {"input_name": inputs.source.root_name},
        inputs=[
            *listed_inputs(inputs, splits),
            *({"name": file.name, "bytes": file.num_bytes} for file in inputs.source.files_beside),
            *source_inputs(config),
            *filter_inputs(config),
            {"name": "queries", "manifest_sha256": manifest_sha256(queries)},
        ],
        algorithm=ALGORITHM_VERSION,
        paths={"image_roots": {inputs.source.root_name: inputs.root}, "queries": queries.url},
    )
