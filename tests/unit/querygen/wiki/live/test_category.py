"""The walk over any graph of categories. All of it is in the cache, so no wiki is asked."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen.wiki.live.category import walk_category
from querygen.wiki.live.page_cache import PageCache
from querygen.wiki.live.polite import WikiError
from querygen.wiki.live.site import Wiki, WikiConfig

NAMES = st.sampled_from([f"Category:{letter}" for letter in "ABCDEF"])
Graph = dict[str, tuple[list[str], list[str]]]
GRAPHS = st.fixed_dictionaries(
    {
        f"Category:{letter}": st.tuples(
            st.lists(st.sampled_from("uvwxyz"), unique=True).map(sorted), st.lists(NAMES, unique=True).map(sorted)
        )
        for letter in "ABCDEF"
    }
)


def no_wiki() -> Wiki:
    """A wiki at a closed port: asking it is an error."""
    return Wiki(WikiConfig(url="http://127.0.0.1:9/w", max_tries=1))


def filled(folder: str, wiki: Wiki, graph: Graph) -> PageCache:
    cache = PageCache(folder, wiki.api_url)
    for category, (articles, subcategories) in graph.items():
        cache.write("members", category, {"articles": articles, "subcategories": subcategories})
    return cache


def distances(graph: Graph, root: str) -> dict[str, int]:
    """Return the depth of each category under `root`, by relaxing until nothing changes."""
    found = {root: 0}
    for _ in graph:
        for category in list(found):
            for below in graph[category][1]:
                found[below] = min(found.get(below, 99), found[category] + 1)
    return found


@given(GRAPHS, st.integers(0, 7), st.integers(1, 9))
@settings(max_examples=30)
def test_walk_brings_each_article_at_its_least_depth(graph: Graph, depth: int, max_pages: int) -> None:
    root = "Category:A"
    with TemporaryDirectory() as folder:
        wiki = no_wiki()
        cache = filled(folder, wiki, graph)
        walked = list(walk_category(wiki, root, depth, cache=cache))
        cut = list(walk_category(wiki, root, depth, cache=cache, max_pages=max_pages))
    reached = {category: far for category, far in distances(graph, root).items() if far <= depth}
    expected: dict[str, int] = {}
    for category, far in reached.items():
        for title in graph[category][0]:
            expected[title] = min(expected.get(title, 99), far)
    assert {member.title: member.depth for member in walked} == expected
    assert len(walked) == len(expected)
    assert all(member.title in graph[member.category][0] for member in walked)
    keys = [(member.depth, member.category, member.title) for member in walked]
    assert keys == sorted(keys)
    assert cut == walked[:max_pages]


def test_what_the_cache_lacks_is_asked_and_a_refresh_asks_all(tmp_path: Path) -> None:
    wiki = no_wiki()
    cache = filled(str(tmp_path), wiki, {"Category:A": (["u"], ["Category:B"])})
    assert [member.title for member in walk_category(wiki, "Category:A", 0, cache=cache)] == ["u"]
    with pytest.raises(WikiError, match="ConnectError"):
        list(walk_category(wiki, "Category:A", 1, cache=cache))
    with pytest.raises(WikiError, match="ConnectError"):
        list(walk_category(wiki, "Category:A", 0, cache=cache, refresh=True))
