"""Every job that a test here starts checks the types of its elements."""

import pytest

from tests.support.beam_types import check_element_types


@pytest.fixture(autouse=True)
def _element_types_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    check_element_types(monkeypatch)
