"""Domain block lists against a walk over the parents of each host."""

import gzip
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter.blocked_domains import load_domains, on_no_domain_list
from tests.support.filters import checked_pairs

LABELS = st.sampled_from(["a", "b", "example", "com", "co", "x-y", "1"])
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
URLS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https"]),
    HOSTS | HOSTS.map(str.upper) | HOSTS.map("{}.".format) | st.just("[2001:db8::1]"),
    st.sampled_from(["", ":8080"]), st.sampled_from(["", "/", "/b.com/x", "?a.com", "#com", "/:1/"]),
)  # fmt: skip


def is_listed(url: str, listed: set[str]) -> bool:
    host = (urlsplit(url).hostname or "").lower().removesuffix(".")
    parts = host.split(".")
    return any(".".join(parts[place:]) in listed for place in range(len(parts))) or f"[{host}]" in listed


@settings(max_examples=60)
@given(st.lists(HOSTS | st.just("[2001:db8::1]"), max_size=5), st.lists(URLS, max_size=12))
def test_hosts_below_a_listed_one_are_stopped(tmp_path: Path, listed: list[str], urls: list[str]) -> None:
    path = tmp_path / "domains.txt.gz"
    path.write_bytes(gzip.compress("\r\n".join(["# hosts", *listed]).encode(), mtime=0))
    keep = on_no_domain_list(checked_pairs(["a"] * len(urls), urls), load_domains((str(path),)))
    assert keep.tolist() == [not is_listed(url, set(listed)) for url in urls]


def test_both_spellings_of_a_host_with_other_letters(tmp_path: Path) -> None:
    path = tmp_path / "domains.txt"
    path.write_text("*.MÜNCHEN.example\n.b.example.\n")
    urls = ["http://a.xn--mnchen-3ya.example/", "http://münchen.example", "http://b.example", "http://bb.example"]
    keep = on_no_domain_list(checked_pairs(["a"] * 4, urls), load_domains((str(path),)))
    assert keep.tolist() == [False, False, False, True]


@pytest.mark.parametrize("line", ["a.example/x", "0.0.0.0 a.example", "a..example", "*.a.*.example", "me@a.example"])
def test_a_line_that_is_no_host_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "domains.txt"
    path.write_text(f"# list\n{line}\n")
    with pytest.raises(ValueError, match=r"domains.txt, line 2: expected one host name"):
        load_domains((str(path),))


def test_a_million_domains_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "domains.txt"
    path.write_text("\n".join(f"d{number}.example" for number in range(1_000_000)))
    urls = [f"http://a.d{number}.example/" for number in range(999_000, 1_001_000)]
    keep = on_no_domain_list(checked_pairs(["a"] * len(urls), urls), load_domains((str(path),)))
    assert keep.tolist() == [False] * 1000 + [True] * 1000
