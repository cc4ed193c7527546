"""The list that all tests of this room look at."""

import pytest

from schemas.storage import Folder
from tests.support.queries import make_queries_folder
from tests.support.small_lists import HOSTILE, REPORTED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make_queries_folder(
        tmp_path_factory.mktemp("report") / "q", REPORTED, notes=[f"note {HOSTILE}"],
        dropped={"bigram": {"below_min_bigram_count": 1234, "of_no_entry": 0}, "title": {HOSTILE: 5}},
        rejections={"file_truncated": 77},
    )  # fmt: skip
