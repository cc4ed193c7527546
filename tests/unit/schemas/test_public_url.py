"""Addresses in outputs and messages: no user info, no query; inputs that differ in meaning stay different."""

import pytest

from schemas.public_url import base_name, has_credentials, named_path, public_text, said_values, without_user_info

SAID = {
    "user and password": ("http://user:pw@host/t.parquet", "http://host/t.parquet"),
    "token as user": ("https://token@host/t.parquet", "https://host/t.parquet"),
    "Amazon": ("https://b.s3.example/t?X-Amz-Date=1&X-Amz-Signature=a%2Fb&X-Amz-Security-Token=c", "https://b.s3.example/t"),
    "Azure": ("https://a.blob.example/c/t?sv=2024&se=2026-01-01T00%3A00%3A00Z&sr=b&sig=x%3D", "https://a.blob.example/c/t"),
    "a query of any name": ("https://host/t?k=hidden#part", "https://host/t"),
    "no path": ("https://host?k=hidden@x", "https://host"),
    "inside fsspec's chain": ("simplecache::https://user:pw@host/t?k=1", "simplecache::https://host/t"),
    "of another scheme": ("sftp://user:pw@host/a?b.csv", "sftp://host/a?b.csv"),
    "a slash in the password": ("https://user:p/w@host/t", "https://..."),
    "an apostrophe in the password": ("https://user:p'w@host/t", "https://host/t"),
    "in quotes": ("error: 'https://u:p@host/t?k=1': gone", "error: 'https://host/t': gone"),
    "two": ("--input=https://u:p@a/1?k,https://u:p@b/2?k x", "--input=https://a/1,https://b/2 x"),
}  # fmt: skip
KEPT = [
    "/a/b?c@d.parquet", "file:///a/b?c@d", "s3://bucket/key?x", "hdfs://me@node:8020/x", "github://o:r@main/x",
    "abfs://container@account.dfs.core.windows.net/x", "http://[::1]:80/a@b", "mail me@host", "https://host/a",
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), SAID.values(), ids=[name.replace(" ", "-") for name in SAID])
def test_no_secret_is_said(text: str, said: str) -> None:
    assert public_text(text) == said
    assert said_values({"a": [text, 1, None]}) == {"a": [said, 1, None]}


@pytest.mark.parametrize("text", KEPT)
def test_what_holds_no_secret_stays(text: str) -> None:
    assert public_text(text) == named_path(text) == without_user_info(text) == text
    assert not has_credentials(text)


SIGNED = {
    "Amazon": "X-Amz-Algorithm=AWS4&X-Amz-Credential={0}&X-Amz-Date={0}&X-Amz-Expires={0}&X-Amz-Signature={0}",
    "Amazon, small": "x-amz-signature={0}",
    "Amazon, older": "AWSAccessKeyId={0}&Signature={0}&Expires={0}",
    "Google": "X-Goog-Credential={0}&X-Goog-Signature={0}",
    "Azure": "sv={0}&st={0}&se={0}&sr=b&sp=r&sig={0}",
    "CloudFront": "Policy={0}&Signature={0}&Key-Pair-Id={0}",
    "a token": "token={0}",
    "a token with its end": "expires={0}&token={0}",
    "percent-encoded": "%74oken={0}",
}  # fmt: skip


@pytest.mark.parametrize("query", SIGNED.values(), ids=[name.replace(" ", "-").replace(",", "") for name in SIGNED])
def test_an_address_signed_anew_is_the_same_input_and_others_are_others(query: str) -> None:
    for meaning in ("", "id=1&", "id=2&"):
        first, second = (f"https://host/a/t.csv?{meaning}{query.format(value)}" for value in ("123", "987"))
        assert has_credentials(first)
        assert named_path(first) == named_path(second) == named_path(f"https://host/a/t.csv?{meaning}".rstrip("?&"))
    names = [
        base_name(f"https://host/a/t.csv?{meaning}{query.format(1)}") for meaning in ("", "id=1&", "id=2&", "se=3&")
    ]
    assert names[0] == "t.csv"
    assert len(set(names[:3])) == 3
    assert all(name.startswith("t.csv") and "=" not in name for name in names)


def test_a_name_like_azures_is_a_parameter_as_any_other_without_a_signature() -> None:
    assert base_name("https://host/t?se=1") != base_name("https://host/t?se=2")


def test_the_address_of_a_row_keeps_its_query() -> None:
    assert without_user_info("see http://user:pw@host/x?id=1&token=2") == "see http://host/x?id=1&token=2"
