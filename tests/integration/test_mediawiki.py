"""A topic read live from a real MediaWiki: its walk, its texts, its manners, and what happens when it fails."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from querygen.counts.count_category import article_lengths
from querygen.text.wikitext import TextExtractor
from querygen.wiki.dump import DumpFile, Page
from querygen.wiki.live.category import CategoryMissing, category_title, walk_category
from querygen.wiki.live.page_cache import PageCache
from querygen.wiki.live.pages import CategoryPages
from querygen.wiki.live.polite import WikiError
from querygen.wiki.live.site import Wiki, WikiConfig
from schemas.storage import Folder
from tests.demo.dump_sample import dump_sample
from tests.support.mediawiki_server import NUM_SPECIES, MediaWiki, missing_parts, serving_mediawiki
from tests.support.waiting import wait_until

pytestmark = pytest.mark.mediawiki

CONTACT = "tests@example.org"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaWiki]:
    lacking = missing_parts()
    if lacking:
        pytest.skip(lacking)
    try:
        dump = dump_sample()
    except RuntimeError as error:
        pytest.skip(str(error))
    with serving_mediawiki(tmp_path_factory.mktemp("mediawiki"), dump) as wiki:
        yield wiki


@pytest.fixture
def server(served: MediaWiki) -> MediaWiki:
    served.forget()
    return served


def open_wiki(server: MediaWiki, **settings: Any) -> Wiki:
    defaults: dict[str, Any] = {"url": server.url, "requests_per_s": 1e6, "backoff_s": 0.01, "contact": CONTACT}
    return Wiki(WikiConfig(**(defaults | settings)))


def read(server: MediaWiki, cache_dir: Path, category: str, depth: int = 2, **options: Any) -> CategoryPages:
    wiki = open_wiki(server)
    return CategoryPages(wiki, category, depth=depth, cache=PageCache(str(cache_dir), wiki.api_url), **options)


def asked_for_text(server: MediaWiki) -> Counter[str]:
    """Return how often each title was asked for with its text; the continuations of an answer are not counted."""
    return Counter(
        title
        for request in server.requests()
        if "revisions" in request["params"].get("prop", "") or "extracts" in request["params"].get("prop", "")
        if "continue" not in request["params"]
        for title in request["params"]["titles"].split("|")
    )


def test_walk_goes_level_by_level_through_circles_and_brings_each_article_once(server: MediaWiki) -> None:
    wiki = open_wiki(server)

    def walk(depth: int, **options: Any) -> list[tuple[str, str, int]]:
        return [(m.title, m.category, m.depth) for m in walk_category(wiki, "Category:Countries", depth, **options)]

    root = [(title, "Category:Countries", 0) for title in ("Land of rules", "Land of the eagles", "Long tale")]
    assert walk(0) == root
    one = walk(1)
    assert one[:3] == root
    assert [title for title, category, _ in one if category == "Category:Countries in Europe"] == [
        "Albania", "Andorra", "Azerbaijan",
    ]  # fmt: skip
    assert {depth for _, _, depth in one} == {0, 1}
    assert "Albania" not in [title for title, category, _ in one if category == "Category:Republics"]  # met before
    server.forget()
    deep = walk(9)  # "Landlocked countries" holds "Countries" again
    asked = [request["params"]["cmtitle"] for request in server.requests()]
    assert len(set(asked)) == len(asked)
    assert len({title for title, _, _ in deep}) == len(deep)
    assert max(depth for _, _, depth in deep) <= 2
    assert [row for row in deep if row[2] < 2] == one
    assert walk(9, max_pages=4) == deep[:4]
    assert not [title for title, _, _ in deep if ":" in title]  # the talk and user pages of the category


@pytest.mark.parametrize("name", ["Countries", "countries", " Category:Countries ", "category:countries", "States"])
def test_category_is_found_by_the_names_that_mediawiki_takes(server: MediaWiki, name: str) -> None:
    assert category_title(open_wiki(server), name) == "Category:Countries"


def test_category_without_a_page_of_its_own_is_one(server: MediaWiki) -> None:
    assert category_title(open_wiki(server), "Member states of the United Nations").startswith("Category:Member")


def test_missing_category_names_those_near_it(server: MediaWiki) -> None:
    with pytest.raises(CategoryMissing, match=r"no category 'Category:Contries'; near it: .*Countries"):
        category_title(open_wiki(server), "Contries")
    with pytest.raises(CategoryMissing, match="no category 'Category:Qqqq'; look"):
        category_title(open_wiki(server), "Qqqq")
    no_search = {"status": 200, "body": '{"error": {"code": "search-title-disabled", "info": "no"}}'}
    server.fail_next({}, {}, no_search)
    with pytest.raises(CategoryMissing, match=r"near it: .*Countries"):
        category_title(open_wiki(server), "Contries")


def test_category_without_articles_is_an_error_that_says_the_depth(server: MediaWiki, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'Category:Empty shelf'.* no article down to depth 1"):
        read(server, tmp_path, "Empty shelf", depth=1).fetch()


def test_site_is_that_of_the_wiki(server: MediaWiki) -> None:
    site = open_wiki(server).site
    assert site.generator.startswith("MediaWiki 1.")
    assert site.has_extracts
    assert site.info.language == "en"
    assert site.info.main_page == "Main Page"
    assert "Sample" in site.info.namespaces[4]  # the wiki's own name for its project namespace
    assert 0 not in site.info.namespaces


def test_texts_are_those_of_the_dump_and_redirects_lead_to_them(server: MediaWiki, tmp_path: Path) -> None:
    pages = list(read(server, tmp_path, "Countries", depth=9))
    in_dump = {page.title: page for page in DumpFile(str(dump_sample()), "dump")}
    articles = {page.title: page for page in pages if page.redirect is None}
    real = sorted(set(articles) - {"Long tale"})
    assert len(real) >= 6
    for title in real:
        assert articles[title].text == in_dump[title].text.rstrip()  # MediaWiki saves no white space at the end
        assert not articles[title].is_plain
    redirects = {page.title: page.redirect for page in pages if page.redirect is not None}
    assert redirects == {"Land of the eagles": "Albania", "Land of rules": "Category:Republics"}
    assert [page.title for page in pages].count("Albania") == 1
    assert any("rvcontinue" in request["params"] for request in server.requests())  # 9 pages did not fit one answer


def test_large_category_costs_a_request_for_each_50_pages(server: MediaWiki, tmp_path: Path) -> None:
    pages = read(server, tmp_path, "Species", depth=1)
    listed = list(pages)
    assert [page.title for page in listed[:NUM_SPECIES]] == [f"Species {number:03}" for number in range(NUM_SPECIES)]
    assert len(listed) == NUM_SPECIES + 60
    assert listed[-1].text.decode().startswith("第59の鳥は種を食べる。")
    requests = server.requests()
    # site, category, two answers for its 621 members, one for the subcategory's 60, 680 pages by 50
    assert len(requests) == 1 + 1 + 2 + 1 + 14
    assert {request["method"] for request in requests[-2:]} == {"POST"}  # too long for an address
    assert all(CONTACT in request["agent"] and "WebImageText/" in request["agent"] for request in requests)
    assert all(request["params"]["maxlag"] == "5" for request in requests)


def test_never_more_requests_a_second_than_allowed(server: MediaWiki) -> None:
    wiki = open_wiki(server, requests_per_s=2)
    start = time.monotonic()
    for _ in range(4):
        next(wiki.query(meta="siteinfo"))
    assert time.monotonic() - start >= 3 / 2


def test_second_run_reads_the_cache_alone(server: MediaWiki, tmp_path: Path) -> None:
    first = read(server, tmp_path, "Countries")
    made = first.fetch()
    assert made["name"] == "Category:Countries"
    pages = list(first)
    assert made["bytes"] == first.num_bytes == sum(len(page.text) for page in pages)
    server.forget()
    again = read(server, tmp_path, "Countries")
    assert again.fetch() == made
    assert list(again) == pages
    assert len(server.requests()) == 2  # the site, and whether the category is there


def test_refresh_asks_for_what_changed_alone(server: MediaWiki, tmp_path: Path) -> None:
    before = read(server, tmp_path, "Species", depth=0).fetch()
    server.edit("Species 007", "Now it is another text. [[Category:Species]]")
    assert read(server, tmp_path, "Species", depth=0).fetch() == before
    server.forget()
    refreshed = read(server, tmp_path, "Species", depth=0, refresh=True)
    assert refreshed.fetch() != before
    assert asked_for_text(server) == {"Species 007": 1}
    assert {page.title: page.text for page in refreshed}["Species 007"].startswith(b"Now it is another")


def test_broken_cache_entry_is_asked_for_again(server: MediaWiki, tmp_path: Path) -> None:
    made = read(server, tmp_path, "Countries").fetch()
    entries = sorted(tmp_path.glob("*/wikitext/*/*.zlib"))
    entries[0].write_bytes(entries[0].read_bytes()[:-9])
    entries[1].write_bytes(b"")
    server.forget()
    assert read(server, tmp_path, "Countries").fetch() == made
    assert len(asked_for_text(server)) == 2


def test_extracts_are_the_plain_text_of_the_wiki(server: MediaWiki, tmp_path: Path) -> None:
    pages = read(server, tmp_path, "Countries in Europe", depth=0, text="extract")
    albania = next(page for page in pages if page.title == "Albania")
    assert albania.is_plain
    text = albania.text.decode()
    assert "[[" not in text
    assert "{{" not in text
    assert "\nHistory\n" in text  # a heading is a line of its own
    own = next(page for page in read(server, tmp_path, "Countries in Europe", depth=0) if page.title == "Albania")
    words, own_words = set(text.split()), set(TextExtractor(pages.site).extract(own.text)[0].split())
    assert len(words & own_words) > 0.8 * len(own_words)


def test_wiki_without_extracts_says_so(server: MediaWiki, tmp_path: Path) -> None:
    server.fail_next({"params": {"siprop": "general|namespaces"}})  # MediaWiki then names no extension
    with pytest.raises(ValueError, match="lacks the extension TextExtracts"):
        read(server, tmp_path, "Countries", text="extract").fetch()


def test_page_that_is_gone_or_too_large_is_a_rejection(server: MediaWiki, tmp_path: Path) -> None:
    wiki = open_wiki(server)
    cache = PageCache(str(tmp_path), wiki.api_url)
    # What the walk met may be deleted before it is asked for.
    cache.write("members", "Category:Countries", {"articles": ["Albania", "Gone", "Long tale"], "subcategories": []})
    pages = CategoryPages(wiki, "Countries", depth=2, cache=cache, max_page_bytes=149_999)
    assert [page.title for page in pages] == []
    assert pages.rejections == [
        ("page_too_large", "Category:Countries", 0, "Albania"),
        ("page_missing", "Category:Countries", 1, "Gone"),
        ("page_too_large", "Category:Countries", 2, "Long tale"),
    ]


HALF_JSON = {"status": 200, "body": '{"query": {"pages": [{"ti'}
PASSING = {
    "429": {"status": 429, "body": "slow down"},
    "503": {"status": 503, "body": "<html>down for a moment</html>"},
    "half of the JSON": HALF_JSON,
    "half of the bytes": {"status": 200, "headers": {"Content-Length": "4000"}, "body": '{"query": {}}'},
    "not gzip": {"status": 200, "headers": {"Content-Encoding": "gzip"}, "body": "no gzip at all"},
    "not an object": {"status": 200, "body": "[]"},
    "read only": {"status": 200, "body": '{"error": {"code": "readonly", "info": "maintenance"}}'},
}


@pytest.mark.parametrize("fault", PASSING)
def test_passing_failure_changes_nothing_but_the_number_of_requests(
    server: MediaWiki, tmp_path: Path, fault: str
) -> None:
    made = read(server, tmp_path / "calm", "Countries").fetch()
    calm = len(server.requests())
    server.forget()
    # Each kind of request fails: site, category, members (through Wikipedia-API), pages.
    server.fail_next(
        *[PASSING[fault], PASSING[fault], {}, PASSING[fault], {}, PASSING[fault], {}, {}, {}, PASSING[fault]]
    )
    troubled = read(server, tmp_path / "troubled", "Countries")
    assert troubled.fetch() == made
    assert len(server.requests()) == calm + 5 == troubled.wiki.traffic.requests
    assert troubled.wiki.traffic.retries == 5


def test_answer_that_does_not_come_is_asked_for_again(server: MediaWiki) -> None:
    server.fail_next({"sleep_s": 12.0})
    wiki = open_wiki(server, timeout_s=10.0)
    assert wiki.site.info.language == "en"
    assert wiki.traffic.retries >= 1


def test_retry_after_is_obeyed(server: MediaWiki) -> None:
    server.fail_next({"status": 429, "headers": {"Retry-After": "1"}})
    assert open_wiki(server).site.info.language == "en"
    first, second = (request["time"] for request in server.requests())
    assert second - first >= 1.0


def test_lag_of_the_wiki_is_waited_for(server: MediaWiki) -> None:
    server.fail_next({"params": {"maxlag": "-9"}})  # so MediaWiki itself finds that it lags
    wiki = open_wiki(server)
    assert wiki.site.info.language == "en"
    first, second = (request["time"] for request in server.requests())
    assert second - first >= 5.0  # MediaWiki asks for 5 s
    assert wiki.traffic.waited_s == 5.0


LASTING = {
    "403": (
        {"status": 403, "body": "Please set a user agent"},
        "refused .HTTP status 403.; say who asks with --contact",
        1,
    ),
    "404": ({"status": 404}, "HTTP status 404, expected a MediaWiki API; --wiki-url takes the folder of api.php", 1),
    "301": ({"status": 301, "headers": {"Location": "https://example.org/w"}}, "moved to 'https://example.org/w'", 1),
    "429 until tomorrow": ({"status": 429, "headers": {"Retry-After": "86400"}}, "come back in 86,400 s", 1),
    "500": ({"status": 500}, "HTTP status 500, 3 times; .* run the same command again", 3),
    "a page for people": ({"status": 200, "body": "<html>log in</html>"}, "19 bytes that are not the JSON", 3),
    "an error of the API": (
        {"status": 200, "body": '{"error": {"code": "readapidenied", "info": "You need\\nread permission"}}'},
        "the API answers readapidenied: You need read permission",
        1,
    ),
    "no shape": ({"status": 200, "body": '{"query": {"general": [1]}}'}, "expected the site information", 1),
    "query is a list": ({"status": 200, "body": '{"query": [1]}'}, "expected an object as 'query', found list", 1),
}


@pytest.mark.parametrize("fault", LASTING)
def test_lasting_failure_ends_in_one_line_that_says_what_to_do(server: MediaWiki, tmp_path: Path, fault: str) -> None:
    answer, message, requests = LASTING[fault]
    server.fail_next(*[answer] * 9)
    wiki = open_wiki(server, max_tries=3)
    pages = CategoryPages(wiki, "Countries", depth=1, cache=PageCache(str(tmp_path), wiki.api_url))
    with pytest.raises(WikiError, match=message) as raised:
        pages.fetch()
    assert "\n" not in str(raised.value)
    assert len(server.requests()) == requests


def test_failure_within_wikipedia_api_is_the_same_error(server: MediaWiki) -> None:
    server.fail_next({"status": 403})
    with pytest.raises(WikiError, match="--contact"):
        list(walk_category(open_wiki(server), "Category:Countries", 0))


def test_address_that_is_no_wiki(server: MediaWiki) -> None:
    with pytest.raises(WikiError, match="HTTP status 404, expected a MediaWiki API"):
        _ = open_wiki(server, url=server.url.replace("/w", "/elsewhere")).site
    with pytest.raises(WikiError, match=r"ConnectError.*, 2 times; check the network and --wiki-url"):
        _ = open_wiki(server, url="http://127.0.0.1:9/w", max_tries=2).site


def test_killed_run_asks_again_for_nothing_it_has(server: MediaWiki, tmp_path: Path) -> None:
    whole = read(server, tmp_path / "whole", "Species", depth=0, max_pages=80, text="extract").fetch()
    server.forget()
    driver = (
        "from querygen.wiki.live.pages import CategoryPages; from querygen.wiki.live.page_cache import PageCache\n"
        "from querygen.wiki.live.site import Wiki, WikiConfig\n"
        f"wiki = Wiki(WikiConfig(url={server.url!r}, requests_per_s=1e6))\n"
        f"cache = PageCache({str(tmp_path / 'cut')!r}, wiki.api_url)\n"
        "CategoryPages(wiki, 'Species', depth=0, max_pages=80, text='extract', cache=cache).fetch()\n"
    )
    run = subprocess.Popen([sys.executable, "-c", driver], cwd=Path(__file__).parents[2])
    wait_until(lambda: run.poll() is not None or len(asked_for_text(server)) >= 20, "a run that has 20 pages")
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL  # it was still at work
    next(open_wiki(server).query(meta="siteinfo"))  # answered after what the wiki was asked for before
    asked_before = asked_for_text(server)
    assert 20 <= len(asked_before) < 80
    server.forget()
    assert read(server, tmp_path / "cut", "Species", depth=0, max_pages=80, text="extract").fetch() == whole
    asked_after = asked_for_text(server)
    assert len(asked_before + asked_after) == 80
    assert sum((asked_before & asked_after).values()) <= 1  # the one whose answer was on its way
    assert not [request for request in server.requests() if request["params"].get("list") == "categorymembers"]


def test_build_makes_the_list_of_a_topic(server: MediaWiki, tmp_path: Path) -> None:
    def build(output: str) -> tuple[dict[str, Any], dict[str, bytes]]:
        command = [
            sys.executable, "-m", "querygen", "build", "--wiki-category", "Countries", "--wiki-url", server.url,
            "--depth", "1", "--contact", CONTACT, "--requests-per-s", "1000", "--cache-dir", str(tmp_path / "cache"),
            "--min-word-count", "20", "--min-bigram-count", "5", "--size", "1000", "--output", str(tmp_path / output),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        folder = Folder(str(tmp_path / output))
        queries = pq.read_table(tmp_path / output / "queries.parquet").to_pylist()
        return {row["text"]: row for row in queries}, {"queries": folder.read("queries.parquet")}

    queries, made = build("first")
    assert "word" in queries["government"]["sources"]
    # The longest articles are the first titles; what the list cannot hold is cut from their end.
    assert {"albania", "azerbaijan", "long tale"} <= {
        text for text, row in queries.items() if "title" in row["sources"]
    }
    assert not [text for text in queries if "category:" in text]
    server.forget()
    assert build("second")[1] == made
    assert len(server.requests()) == 2  # all pages came from the cache


def test_build_that_cannot_reach_the_wiki_ends_with_one_line(server: MediaWiki, tmp_path: Path) -> None:
    server.fail_next({"status": 403})
    command = [
        sys.executable, "-m", "querygen", "build", "--wiki-category", "Countries", "--wiki-url", server.url,
        "--cache-dir", str(tmp_path / "cache"), "--output", str(tmp_path / "list"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "HTTP status 403" in last
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "list").exists()


def test_topic_gives_words_and_ranked_titles(server: MediaWiki, tmp_path: Path) -> None:
    pages = read(server, tmp_path, "Countries", depth=1)
    lengths = article_lengths(pages, pages.site)
    extractor = TextExtractor(pages.site)
    texts: dict[str, str] = {}
    page: Page
    for page in pages:
        if page.redirect is None:
            texts[page.title], _ = extractor.extract(page.text)
    assert lengths == {title: len(text) for title, text in texts.items()}
    words = Counter(word for text in texts.values() for word in text.lower().split())
    assert {"republic", "country", "government", "population"} <= {word for word, count in words.items() if count >= 20}
    assert list(pages) == list(pages)
