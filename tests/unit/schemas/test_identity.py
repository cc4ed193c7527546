"""Identities: equal to `hashlib`, stable for ever (golden values), and the URL normal form."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.buffers import words_from_ids
from schemas.identity import (
    URL_FAULTS,
    draws,
    image_ids,
    local_references,
    normalise_urls,
    pair_ids,
    ranks,
    seed_key,
)


def test_ids_are_those_of_version_1() -> None:
    """Golden: a change of any of these breaks every folder made so far and needs another IDENTITY_VERSION."""
    normalised, faults = normalise_urls(pa.array(["HTTP://Example.com:80/Cat.jpg?w=1#x"]))
    assert faults.tolist() == [0]
    assert normalised.to_pylist() == ["http://example.com/Cat.jpg?w=1"]
    image = image_ids(normalised)
    pair = pair_ids(image, pa.array(["a cat"]))
    assert image[0].as_py().hex() == "7ad2a6d0508aff37c09cf60e5c9cbc71"
    assert pair[0].as_py().hex() == "6c50f8157902c409916e26be94eb723f"
    assert ranks(pair, seed_key(0)).tolist() == [5932136287506573487]
    assert draws(words_from_ids(pair), np.array([5], dtype=np.int32), seed_key(0)).tolist() == [7241339187665455146]
    local = image_ids(local_references("photos", pa.array(["a/b.jpg"])))
    assert local[0].as_py().hex() == "56fa453ee4f2af0557b3f953fe58768f"
    assert local[0].as_py() == hashlib.blake2b(b"photos\0a/b.jpg", digest_size=16, person=b"wit.image.1").digest()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.example", "http://a.example/"),
        ("https://A.Example:443/x", "https://a.example/x"),
        ("http://a.example:443/x", "http://a.example:443/x"),
        ("https://a.example:8443?q=1", "https://a.example:8443/?q=1"),
        ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
        ("http://a.example:/x", "http://a.example/x"),
        ("http://a.example/%41?b=C#frag?ment", "http://a.example/%41?b=C"),
        ("http://a.example#x", "http://a.example/"),
    ],
)
def test_url_normal_form(url: str, expected: str) -> None:
    normalised, faults = normalise_urls(pa.array([url]))
    assert (normalised.to_pylist(), faults.tolist()) == ([expected], [0])
    assert normalise_urls(normalised)[0].to_pylist() == [expected]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("ftp://a.example/x", "url_not_http"),
        ("data:image/png;base64,xx", "url_not_http"),
        ("httpx://a", "url_not_http"),
        ("", "url_not_http"),
        ("http:/a", "url_not_http"),
        ("http://", "url_without_host"),
        ("http://:80/x", "url_without_host"),
        ("http://u@/x", "url_with_credentials"),
        ("http://User:Pass@A.example/", "url_with_credentials"),
        ("http://a b/", "url_bad_character"),
        pytest.param("http://a/\n", "url_bad_character", id="line end"),
        pytest.param("http://a/" + "x" * 9000, "url_too_long", id="9,000 characters"),
    ],
)
def test_url_faults(url: str, fault: str) -> None:
    _, faults = normalise_urls(pa.array([url]))
    assert URL_FAULTS[faults[0]] == fault


@given(st.lists(st.text(max_size=40) | st.text("htps:/@[]#?.A0", max_size=20).map("http://".__add__), max_size=20))
def test_any_string_normalises_or_is_a_fault(urls: list[str]) -> None:
    column = pa.array(urls, pa.string())
    normalised, faults = normalise_urls(column)
    again, again_faults = normalise_urls(normalised)
    for text, fault, twice, twice_fault in zip(
        normalised.to_pylist(), faults, again.to_pylist(), again_faults, strict=True
    ):
        if fault == 0:
            assert twice_fault == 0
            assert twice == text
        else:
            assert text == ""


def test_slices_hash_as_their_rows() -> None:
    urls = pa.array(["http://a/", "http://b/", "http://c/"])
    assert image_ids(urls.slice(1, 2)).to_pylist() == image_ids(urls).to_pylist()[1:]


def test_seed_outside_64_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must be in"):
        seed_key(-1)
