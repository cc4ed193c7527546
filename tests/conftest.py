"""Fixtures shared by all tests: real folders of small content, made with the real writers."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings

from schemas.manifest import write_manifest
from schemas.query import QUERIES
from schemas.run_record import RunRecord, start_run
from schemas.storage import Folder
from schemas.tables import write_table
from schemas.text import normal_form
from tests.support.waiting import PATIENT_RAY

os.environ["WDS_SECURE"] = "1"  # webdataset from 1.0 on neither unpickles nor runs commands that a tar or URL names

pytest_plugins = ["tests.case_ids"]

for _name, _value in PATIENT_RAY.items():
    os.environ.setdefault(_name, _value)
os.environ.pop("RAY_ADDRESS", None)  # no test may run on somebody's cluster

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, which hands that on to all below it
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Verdicts depend on neither speed nor chance: kernels compile on first use, test machines are shared, and every run
# draws the same examples (`--hypothesis-profile=explore` draws others). A test's folder may serve all its examples.
settings.register_profile(
    "explore", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("project", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile("project")

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the checkout; a test that asks for it is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data at {SHARED_DATA}")
    return SHARED_DATA


def write_queries(path: Path, surfaces: list[str]) -> str:
    """Write a finished queries folder with the given surfaces, in order, and return its path."""
    folder = Folder(str(path))
    record = RunRecord(command="querygen build", config={"surfaces": surfaces})
    start_run(folder, record)
    rows = [
        {
            "query_id": number,
            "text": normal_form(surface),
            "surface": surface,
            "language": "en",
            "source": "word",
            "sources": ["word"],
            "count": 100,
        }
        for number, surface in enumerate(surfaces)
    ]
    written = write_table(folder, "queries.parquet", pa.Table.from_pylist(rows, schema=QUERIES), QUERIES)
    write_manifest(folder, "queries", [written], rows=len(rows), identity=record.identity, summary={})
    return folder.url


@pytest.fixture
def queries_folder(tmp_path: Path) -> Callable[[list[str]], str]:
    """A function that writes a queries folder of the given surfaces."""

    def make(surfaces: list[str]) -> str:
        return write_queries(tmp_path / "queries", surfaces)

    return make
