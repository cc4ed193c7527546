"""What a balance is made from: the candidates' files, the queries they were matched with, the key of the ranks."""

from hashlib import blake2b

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.balance.config import BalanceOptions
from pipeline.balance.limits import partitions_of_images
from pipeline.balance.settings import BUFFER_BYTES, CandidateFile
from pipeline.queries.metaclip_files import queries_folder
from pipeline.shuffle.estimate import ShuffleEstimate, estimate_shuffle
from schemas.identity import seed_key
from schemas.json_object import JsonObject
from schemas.manifest import manifest_sha256, read_current_manifest, read_files
from schemas.run_record import input_of
from schemas.storage import FileRecord, Folder
from schemas.tables import naming_damage

QUERIES_FILE = "queries.parquet"


def candidate_files(candidates: Folder) -> list[CandidateFile]:
    """Return the files of the folder that hold candidates."""
    return [CandidateFile(record) for record in _candidate_records(candidates)]


def _candidate_records(candidates: Folder) -> list[FileRecord]:
    found = read_files(candidates)
    return [record for record in found if "/" not in record.name and record.name.endswith(".parquet") and record.rows]


def most_shuffled(candidates: Folder) -> ShuffleEstimate:
    """Return what the shuffle takes when every candidate is selected: how many are is known in mid-run only."""
    records = _candidate_records(candidates)
    num_partitions = partitions_of_images(sum(record.bytes for record in records))
    return estimate_shuffle(candidates, records, num_partitions, BUFFER_BYTES)


def extra_type(candidates: Folder) -> pa.StructType:
    """Return the type of the columns carried through from the input."""
    files = [file for file in read_files(candidates) if "/" not in file.name and file.name.endswith(".parquet")]
    with candidates.open(files[0].name) as raw, naming_damage(candidates, files[0]):
        schema = pq.read_schema(raw)
    return schema.field("extra").type if "extra" in schema.names else pa.struct([])


def find_queries(queries: str, candidates: Folder, run: JsonObject) -> Folder:
    """Return the queries folder the candidates were matched with: `queries`, or where collect found it.

    `run` is the candidates' ``run.json``. Lists in files are resolved as collect does: to the folder beside the
    candidates. Raises FileNotFoundError when it is not there (any more) and ValueError when it holds another list.
    """
    with queries_folder(queries or run["paths"]["queries"], candidates.url) as folder:
        read_current_manifest(folder, "queries")
        asked = input_of(run, "queries")["manifest_sha256"]
        found = manifest_sha256(folder)
        if found != asked:
            raise ValueError(
                f"{folder.url}: not the queries the candidates were matched with (manifest sha256 {found}, expected "
                f"{asked}); name the right folder with --queries, or collect again"
            )
        return folder


def rank_key(config: BalanceOptions) -> bytes:
    """Return the key of ranks and draws: the seed's, or the private one."""
    if not config.rank_key_file:
        return seed_key(config.seed)
    with open(config.rank_key_file, "rb") as raw:
        key = raw.read(65)
    if not 1 <= len(key) <= 64:
        raise ValueError(f"--rank-key-file {config.rank_key_file}: expected 1 to 64 bytes, found {len(key)} or more")
    return key


def hash_of_key(key: bytes) -> str:
    """Return what tells keys apart without giving them away."""
    return blake2b(key, digest_size=16, person=b"wit.key").hexdigest()
