"""Pages of a live category: numbers that make no sense are refused."""

from pathlib import Path

import pytest

from querygen.wiki.live.page_cache import PageCache
from querygen.wiki.live.pages import CategoryPages
from querygen.wiki.live.site import Wiki, WikiConfig


@pytest.mark.parametrize(
    ("options", "message"), [({"depth": -1}, "depth"), ({"depth": 0, "max_pages": 0}, "max_pages")]
)
def test_wrong_numbers_are_refused(tmp_path: Path, options: dict[str, int], message: str) -> None:
    wiki = Wiki(WikiConfig(url="http://127.0.0.1:9/w"))
    with pytest.raises(ValueError, match=message):
        CategoryPages(wiki, "Birds", cache=PageCache(str(tmp_path), wiki.api_url), **options)  # type: ignore[arg-type]
