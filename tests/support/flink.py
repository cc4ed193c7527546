"""What the tests on Flink need: a jar of Beam's job server, or a reason to skip."""

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import SHARED_DATA


def find_job_server_jar() -> str:
    """Return the jar of Beam's Flink job server: from FLINK_JOB_SERVER_JAR, else beside the checkout. Skips without."""
    if shutil.which("java") is None:
        pytest.skip("no java on PATH")
    found = os.environ.get("FLINK_JOB_SERVER_JAR", "")
    if not found:
        beside = sorted((SHARED_DATA.parent / "tools" / "flink").glob("beam-flink-*-job-server-*.jar"))
        found = str(beside[0]) if beside else ""
    if not Path(found).is_file():
        pytest.skip("FLINK_JOB_SERVER_JAR names no file")
    return found
