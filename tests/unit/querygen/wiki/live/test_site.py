from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen.wiki.live.polite import WikiError
from querygen.wiki.live.site import Site, WikiConfig, read_site

URL = "https://birds.example/w/api.php"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"language": "en"}, "https://en.wikipedia.org/w/api.php"),
        ({"language": "zh-yue"}, "https://zh-yue.wikipedia.org/w/api.php"),
        ({"url": "http://localhost:8080/w"}, "http://localhost:8080/w/api.php"),
        ({"url": "http://localhost:8080/w/"}, "http://localhost:8080/w/api.php"),
        ({"url": "https://birds.fandom.com/api.php"}, "https://birds.fandom.com/api.php"),
    ],
)
def test_address_of_the_api(settings: dict[str, Any], expected: str) -> None:
    assert WikiConfig(contact="a@example.org", **settings).api_url == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"language": "en/../x"}, "language must be a code"),
        ({"language": "EN"}, "language must be a code"),
        ({"url": "localhost:8080/w"}, "wiki_url must look like"),
        ({"url": "ftp://localhost/w"}, "wiki_url must look like"),
        ({"url": "https://"}, "wiki_url must look like"),
        ({"requests_per_s": 0.0}, "requests_per_s must be more than 0"),
        ({"requests_per_s": float("nan")}, "requests_per_s must be more than 0"),
        ({"max_tries": 0}, "max_tries must be at least 1"),
        ({"backoff_s": -1.0}, "must be positive"),
        ({"timeout_s": 0.0}, "must be positive"),
        ({"contact": "a\r\nHost: b"}, "contact must be a mail address"),
        ({"contact": "an(other)"}, "contact must be a mail address"),
        ({"contact": "ü@example.org"}, "contact must be a mail address"),
        ({"contact": ""}, "contact must be a mail address"),
    ],
)
def test_wrong_settings_name_field_and_value(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WikiConfig(**({"contact": "a@example.org"} | settings))


@pytest.mark.parametrize(
    "settings", [{}, {"language": "bg"}, {"url": "https://en.wiktionary.org/w"}, {"url": "https://www.mediawiki.org/w"}]
)
def test_wikimedia_wants_a_contact(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="--contact"):
        WikiConfig(**settings)
    assert "; a@example.org) " in WikiConfig(contact="a@example.org", **settings).user_agent


@pytest.mark.parametrize("url", ["http://127.0.0.1/w", "https://wikipedia.org.example/w", "https://notwikipedia.org/w"])
def test_other_wikis_do_not(url: str) -> None:
    agent = WikiConfig(url=url).user_agent
    assert agent.startswith("WebImageText/")
    assert "; " not in agent


def test_site_info_of_a_german_wiki() -> None:
    said = {
        "general": {"mainpage": "Wikipedia:Hauptseite", "lang": "de", "generator": "MediaWiki 1.45.0"},
        "namespaces": {
            "0": {"id": 0, "name": ""},
            "14": {"id": 14, "name": "Kategorie", "canonical": "Category"},
        },
        "namespacealiases": [{"id": 14, "alias": "Kat"}],
        "extensions": [{"name": "Cite"}, {"name": "TextExtracts"}],
    }
    site = read_site(said, URL)
    assert site.info.namespaces[14] == ("Category", "Kategorie", "Kat")
    assert 0 not in site.info.namespaces
    assert (site.info.main_page, site.info.language) == ("Wikipedia:Hauptseite", "de")
    assert site.has_extracts
    assert not read_site({**said, "extensions": [{"name": "Cite"}]}, URL).has_extracts


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "lang", "mainpage", "alias", "0"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["general", "namespaces", "namespacealiases", "extensions"]), json_values))
def test_any_site_information_is_read_or_refused(said: dict[str, Any]) -> None:
    outcome: Site | str
    try:
        outcome = read_site(said, URL)
    except WikiError as error:
        outcome = str(error)
    assert isinstance(outcome, Site) or outcome.startswith(URL)
