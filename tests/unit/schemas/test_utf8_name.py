"""Names of files that are no UTF-8."""

import os

from schemas.utf8_name import utf8_name


def test_bytes_that_are_no_utf8_are_escaped_and_the_rest_stays() -> None:
    assert utf8_name("Zürich/東京.jpg") == "Zürich/東京.jpg"
    found = utf8_name(os.fsdecode(b"Z\xc3\xbcrich/caf\xe9.jpg"))
    assert found == "Zürich/caf\\xe9.jpg"
    assert found.encode().decode() == found
