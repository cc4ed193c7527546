"""URL block lists against a set of normalised URLs."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter.blocked_urls import load_urls, on_no_url_list
from schemas.identity import normalise_urls
from tests.support.filters import checked_pairs

URLS = st.builds(
    "{}://{}{}/{}{}".format,
    st.sampled_from(["http", "HTTPS"]), st.sampled_from(["a.example", "B.example"]), st.sampled_from(["", ":80", ":8"]),
    st.sampled_from(["", "x.jpg", "X.jpg", "y?z=1"]), st.sampled_from(["", "#top"]),
)  # fmt: skip


@settings(max_examples=50)
@given(st.lists(URLS, max_size=6), st.lists(URLS, max_size=12))
def test_listed_urls_are_stopped_in_every_spelling(tmp_path: Path, listed: list[str], urls: list[str]) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("# urls\n\n" + "\n".join(f" {url} " for url in listed))
    forms = normalise_urls(pa.array(urls, pa.string()))[0].to_pylist()
    blocked = set(normalise_urls(pa.array(listed, pa.string()))[0].to_pylist())
    keep = on_no_url_list(checked_pairs(["a"] * len(urls), urls), load_urls((str(path),)))
    assert keep.tolist() == [form not in blocked for form in forms]


def test_tracking_parameters_of_a_listed_url_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("http://a.example/x?utm_source=b&y=1\n")
    urls = ["http://a.example/x?y=1", "http://a.example/x?utm_source=b&y=1", "http://a.example/x"]
    keep = on_no_url_list(checked_pairs(["a"] * 3, urls), load_urls((str(path),)))
    assert keep.tolist() == [False, False, True]


def test_a_line_that_is_no_url_is_named(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text("http://a.example/x\n\nftp://b\n")
    with pytest.raises(
        ValueError, match=r"urls.txt, line 3: expected an http\(s\) URL \(url_not_http\), found 'ftp://b'"
    ):
        load_urls((str(path),))
