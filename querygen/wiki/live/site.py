"""Which wiki is read, and how: a config in, Wikipedia-API's client and plain queries over one polite transport out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import wikipediaapi

from querygen.wiki.dump import SiteInfo
from querygen.wiki.live.polite import PoliteTransport, Traffic, WikiError

PROJECT = "WebImageText/0.1 (+https://github.com/webimagetext/webimagetext"
WIKIMEDIA = re.compile(
    r"(.+\.)?(wikipedia|wikimedia|wiktionary|wikibooks|wikinews|wikiquote|wikisource|wikiversity|wikivoyage|wikidata"
    r"|mediawiki)\.org"
)
MAX_ANSWERS = 10_000
"""A query that goes on for longer than this many answers does not end."""


@dataclass(frozen=True, kw_only=True)
class WikiConfig:
    """A wiki and the manners in which it is read."""

    language: str = "en"
    """Language code of the Wikipedia to read, when `url` is not given."""
    url: str | None = None
    """Another MediaWiki: the address of its api.php or of the folder that holds it (``http://localhost:8080/w``)."""
    contact: str | None = None
    """Mail address or page of whoever runs this: part of the User-Agent. Wikimedia's wikis ask for it, and so it must
    be given for them."""
    requests_per_s: float = 2.0
    """Requests a second at most; there is never more than one at a time. A request brings up to 50 pages."""
    max_tries: int = 6
    """Times that a request is made before a busy wiki or a bad network ends the run."""
    backoff_s: float = 1.0
    """First pause after a failure where the wiki names none; each further one is twice as long, 60 s at most."""
    timeout_s: float = 30.0
    """Seconds without a byte after which a request counts as failed."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", self.language):
            raise ValueError(f"language must be a code such as 'en' or 'zh-yue', found {self.language!r}")
        if not self.api_url.startswith(("http://", "https://")) or not httpx.URL(self.api_url).host:
            raise ValueError(f"wiki_url must look like 'https://en.wikipedia.org/w', found {self.url!r}")
        if not self.requests_per_s > 0:
            raise ValueError(f"requests_per_s must be more than 0, found {self.requests_per_s!r}")
        if self.max_tries < 1:
            raise ValueError(f"max_tries must be at least 1, found {self.max_tries!r}")
        if self.backoff_s < 0 or not self.timeout_s > 0:
            raise ValueError(f"backoff_s, timeout_s must be positive, found {self.backoff_s!r}, {self.timeout_s!r}")
        if self.contact is not None and not re.fullmatch(r"[!-'*-~][ -'*-~]{2,200}", self.contact):
            raise ValueError(
                f"contact must be a mail address or URL in printable ASCII without brackets, found {self.contact!r}"
            )
        if self.contact is None and WIKIMEDIA.fullmatch(httpx.URL(self.api_url).host):
            raise ValueError(
                "contact is needed: Wikimedia's wikis want to know whom to write to; give a mail address or a page of "
                "yours with --contact"
            )

    @property
    def api_url(self) -> str:
        """The address of api.php."""
        if self.url is None:
            return f"https://{self.language}.wikipedia.org/w/api.php"
        return self.url if self.url.endswith(".php") else f"{self.url.rstrip('/')}/api.php"

    @property
    def user_agent(self) -> str:
        """``program/version (project; contact) library/version``, the form that Wikimedia's policy asks for."""
        version = ".".join(map(str, wikipediaapi.__version__))
        return f"{PROJECT}{f'; {self.contact}' if self.contact else ''}) Wikipedia-API/{version}"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a wiki says of itself."""

    info: SiteInfo
    generator: str
    """Its software: ``MediaWiki 1.39.17``."""
    has_extracts: bool
    """Whether it makes plain text itself (extension TextExtracts)."""


class Wiki:
    """One wiki, open for reading."""

    def __init__(self, config: WikiConfig) -> None:
        self.config = config
        self.api_url = config.api_url
        self._transport = PoliteTransport(
            self.api_url,
            config.user_agent,
            requests_per_s=config.requests_per_s,
            max_tries=config.max_tries,
            backoff_s=config.backoff_s,
            timeout_s=config.timeout_s,
        )
        # Retries are the transport's: Wikipedia-API knows neither maxlag nor Retry-After of a 503.
        self.library = wikipediaapi.Wikipedia(
            user_agent=config.user_agent, language=config.language, max_retries=0, transport=self._transport
        )
        """Wikipedia-API's client; all it asks goes through the same transport."""

    @property
    def traffic(self) -> Traffic:
        """Requests, retries and bytes so far. They differ from run to run: not for files that are compared."""
        return self._transport.traffic

    def query(self, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the ``query`` parts of the answers to one ``action=query``, continued to its end."""
        going_on: dict[str, Any] = {}
        for _ in range(MAX_ANSWERS):
            answer = self._transport.ask({"action": "query", "formatversion": 2, **params, **going_on})
            part = answer.get("query", {})
            if not isinstance(part, dict):
                raise WikiError(f"{self.api_url}: expected an object as 'query', found {type(part).__name__}")
            yield part
            following = answer.get("continue")
            if not isinstance(following, dict):
                return
            if following == going_on:
                break
            going_on = following
        raise WikiError(f"{self.api_url}: the answer to {params} does not end")

    @cached_property
    def site(self) -> Site:
        """Namespaces, main page, language and software of the wiki."""
        said: dict[str, Any] = {}
        for part in self.query(meta="siteinfo", siprop="general|namespaces|namespacealiases|extensions"):
            said.update(part)
        return read_site(said, self.api_url)


def read_site(said: dict[str, Any], url: str) -> Site:
    """Return what the answer to ``meta=siteinfo`` says. Raises `WikiError` where it is none."""
    try:
        general = said["general"]
        spaces = said["namespaces"].values()
        names = [(space["id"], space.get(key)) for space in spaces for key in ("canonical", "name")]
        names += [(alias["id"], alias["alias"]) for alias in said.get("namespacealiases", ())]
        namespaces = dict(SiteInfo().namespaces)
        for number, name in names:
            if number != 0 and name:
                namespaces[int(number)] = tuple(dict.fromkeys((*namespaces.get(int(number), ()), str(name))))
        return Site(
            info=SiteInfo(
                namespaces=namespaces,
                main_page=str(general.get("mainpage") or SiteInfo().main_page),
                language=str(general["lang"]) if general.get("lang") else None,
            ),
            generator=str(general.get("generator", "")),
            has_extracts=any(extension.get("name") == "TextExtracts" for extension in said.get("extensions", ())),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise WikiError(f"{url}: expected the site information of a MediaWiki, found {str(said)[:200]!r}") from error
