"""The list that all tests of this room look at."""

import pytest

from schemas.storage import Folder
from tests.support.queries import make_queries_folder
from tests.support.small_lists import EXPLAINED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make_queries_folder(tmp_path_factory.mktemp("explain") / "q", EXPLAINED)
