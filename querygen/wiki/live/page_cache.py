"""What was read of a wiki, kept on disk: one small file per category and page, so that a killed run goes on.

A file appears whole or not at all (`schemas.storage.Folder`), and one that does not hold what its name says, for
whatever reason, counts as absent and is asked for again. There is no clock in it: what is in the cache stays as it is
until a refresh.
"""

import hashlib
import json
import zlib
from typing import Any

import httpx

from schemas.cache_home import cache_home
from schemas.storage import Folder

VERSION = 1


def default_cache_dir() -> str:
    """Return ``$XDG_CACHE_HOME/webimagetext/wiki``."""
    return str(cache_home() / "wiki")


class PageCache:
    """The cached answers of one wiki. Several runs may share a folder: the last to write an entry stays."""

    def __init__(self, directory: str, api_url: str) -> None:
        self._folder = Folder(directory)
        self._api_url = api_url
        self._wiki = f"{httpx.URL(api_url).host}-{hashlib.sha256(api_url.encode()).hexdigest()[:12]}"

    @property
    def url(self) -> str:
        """Where the entries of this wiki lie."""
        return f"{self._folder.url}/{self._wiki}"

    def read(self, kind: str, title: str) -> dict[str, Any] | None:
        """Return the entry of `title`, or None when there is none that is whole."""
        try:
            entry = json.loads(zlib.decompress(self._folder.read(self._name(kind, title))))
        except (FileNotFoundError, zlib.error, ValueError):
            return None
        if not isinstance(entry, dict) or entry.get("of") != self._key(kind, title):
            return None
        value: dict[str, Any] = entry["value"]
        return value

    def write(self, kind: str, title: str, value: dict[str, Any]) -> None:
        """Keep `value` (what JSON can say) as the entry of `title`."""
        entry = {"of": self._key(kind, title), "value": value}
        raw = json.dumps(entry, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
        self._folder.write(self._name(kind, title), zlib.compress(raw, 1))

    def _key(self, kind: str, title: str) -> list[Any]:
        return [VERSION, self._api_url, kind, title]

    def _name(self, kind: str, title: str) -> str:
        digest = hashlib.sha256(title.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._wiki}/{kind}/{digest[:2]}/{digest}.json.zlib"
