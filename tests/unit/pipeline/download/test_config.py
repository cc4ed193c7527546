"""The options check themselves."""

from typing import Any

import pytest

from pipeline.download.config import DownloadConfig
from schemas.run_options import identity_options


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_size", 0), ("encode_quality", 101), ("timeout_s", 0.0), ("retries", -1), ("max_body_bytes", 0),
        ("max_redirects", -1), ("max_pixels", 0), ("concurrency", 0), ("max_connections_per_host", 0),
        ("num_decode_processes", -1), ("max_failed_fraction", 1.5), ("user_agent", ""),
        pytest.param("user_agent", "a\r\nb", id="line end in the user agent"),
        ("user_agent", "/1"), ("image_root", ("photos",)), ("image_root", ("=x",)),
        ("min_image_size", -1), ("max_aspect_ratio", 0.5), ("placeholder_urls", 1), ("decontaminate_bits", 17),
        ("verify_hash", ("sums", "crc32")),
    ],
)  # fmt: skip
def test_bad_values_name_the_field(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        DownloadConfig(selection="s", output="o", **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"), [("blurring_bbox_col", "faces"), ("decontaminate", "eval"), ("colour_profile", "srgb")]
)
def test_what_needs_pixels_excludes_that_none_are_decoded(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"disable_all_reencoding decodes nothing, so it excludes {field}"):
        DownloadConfig(selection="s", output="o", disable_all_reencoding=True, **{field: value})  # type: ignore[arg-type]


def test_placeholders_are_removed_only_where_they_are_looked_for() -> None:
    with pytest.raises(ValueError, match="remove_placeholders needs placeholder_urls"):
        DownloadConfig(selection="s", output="o", remove_placeholders=True, placeholder_urls=0)


def test_png_quality_is_a_compression_level() -> None:
    with pytest.raises(ValueError, match=r"encode_quality must be in 0 \.\. 9, found 95"):
        DownloadConfig(selection="s", output="o", encode_format="png", encode_quality=95)
    assert DownloadConfig(selection="s", output="o", encode_format="png", encode_quality=9).encode_quality == 9


@pytest.mark.parametrize(("encode_format", "quality"), [("jpg", 95), ("webp", 95), ("png", 6)])
def test_each_format_has_a_quality_of_its_own_where_none_is_given(encode_format: str, quality: int) -> None:
    config = DownloadConfig(selection="s", output="o", encode_format=encode_format)  # type: ignore[arg-type]
    assert config.encode_quality == quality


def test_agent_token_and_roots() -> None:
    config = DownloadConfig(
        selection="s", output="o", user_agent="MyBot/2.0 (+https://a.b)", image_root=("a=/x", "b=gs://y/z")
    )
    assert config.agent_token == "mybot"
    assert config.image_root_paths() == {"a": "/x", "b": "gs://y/z"}


def test_identity_leaves_out_what_cannot_change_the_shards() -> None:
    parts = identity_options(DownloadConfig(selection="s", output="o", concurrency=3))
    assert parts == identity_options(DownloadConfig(selection="t", output="p", num_decode_processes=9))
    assert "image_size" in parts


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"recheck": True, "retry_failed": True}, "recheck and retry_failed are two commands"),
        ({"recheck": True, "preflight": True}, "recheck and preflight are two commands"),
        ({"recheck_sample": 5}, "recheck_sample is for --recheck only, found 5"),
        ({"recheck": True, "recheck_sample": -1}, "recheck_sample must be in"),
        ({"recheck": True, "since": "today"}, "since must be a day as 2026-01-31, found 'today'"),
    ],
    ids=["retry", "preflight", "sample", "negative", "day"],
)
def test_a_recheck_is_a_command_of_its_own(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        DownloadConfig(selection="s", output="o", **options)
