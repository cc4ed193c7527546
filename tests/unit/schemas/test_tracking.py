"""Tracking parameters leave a URL, everything else stays byte for byte."""

from urllib.parse import urlsplit, urlunsplit

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.identity import image_ids, normalise_urls
from schemas.tracking import TRACKING_PARAMETERS, TRACKING_PREFIXES, without_tracking

NAMES = st.sampled_from([*TRACKING_PARAMETERS, "utm_source", "UTM_Medium", "FBCLID", "pk_", "utm", "utm%5Fsource",
                         "id", "w", "gclid2", "_g", "", "agclid"])  # fmt: skip
PARAMETER = st.builds(
    lambda name, value: name if value is None else f"{name}={value}",
    NAMES,
    st.none() | st.sampled_from(["", "1", "a=b", "utm_source", "?x", "é"]),
)
URL = st.builds(
    lambda path, parameters: f"http://a.example/{path}" + ("?" + "&".join(parameters) if parameters else ""),
    st.sampled_from(["", "x.jpg", "utm_source=1", "a&gclid=2"]),
    st.lists(PARAMETER, max_size=5),
)


def reference(url: str) -> str:
    parts = urlsplit(url)
    parameters = parts.query.split("&")
    kept = [
        parameter
        for parameter in parameters
        if not (
            (name := parameter.partition("=")[0].lower()) in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES)
        )
    ]
    if len(kept) == len(parameters):
        return url
    # urlunsplit leaves the "?" out when the query is empty; a parameter without a name may be all that stays
    bare = urlunsplit(parts._replace(query=""))
    return f"{bare}?{'&'.join(kept)}" if kept else bare


@given(st.lists(URL, max_size=20))
@example(["http://a.example/?&utm_source=1", "http://a.example/?", "http://a.example/?gclid=1&"])
def test_equals_the_standard_library(urls: list[str]) -> None:
    column = pa.array(urls, pa.string())
    found = without_tracking(column)
    assert found.to_pylist() == [reference(url) for url in urls]
    assert without_tracking(found).equals(found)


@pytest.mark.parametrize("name", [*TRACKING_PARAMETERS, *[f"{prefix}x" for prefix in TRACKING_PREFIXES]])
def test_each_parameter_is_known(name: str) -> None:
    url = pa.array([f"http://a.example/i.jpg?{name}=1&w=2&{name.upper()}=3"])
    assert without_tracking(url).to_pylist() == ["http://a.example/i.jpg?w=2"]


def test_the_image_is_the_same() -> None:
    urls = pa.array(
        ["http://A.example/i.jpg?utm_source=x#top", "http://a.example:80/i.jpg", "http://a.example/i.jpg?x"]
    )
    normalised, _ = normalise_urls(urls)
    first, second, third = image_ids(without_tracking(normalised)).to_pylist()
    assert first == second != third
    assert image_ids(normalised)[0] != image_ids(normalised)[1]


def test_slices() -> None:
    urls = pa.array(["http://a/?gclid=1", "http://b/?gclid=1&x", "http://c/?y"])
    assert without_tracking(urls.slice(1, 2)).to_pylist() == ["http://b/?x", "http://c/?y"]
    assert without_tracking(urls.slice(0, 0)).to_pylist() == []
