"""The sample of a real Wikipedia dump that ships inside the PyPI package gensim, and its titles."""

import bz2
import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path

FILE_GLOB = "test/test_data/enwiki-latest-pages-articles1*.bz2"


def dump_sample() -> Path:
    """Return the path of the sample (1.7 MB, 206 pages, 106 of them redirects).

    Raises RuntimeError that says what to install when gensim or its test data is missing.
    """
    spec = importlib.util.find_spec("gensim")
    folders = list(spec.submodule_search_locations or []) if spec else []
    found = sorted(path for folder in folders for path in Path(folder).glob(FILE_GLOB))
    if not found:
        raise RuntimeError("the demo's Wikipedia sample is missing: install the extra, pip install -e '.[demo]'")
    return found[0]


def article_titles(dump: Path) -> list[str]:
    """Return the titles of the articles (namespace 0, redirects too) in the order of the dump."""
    titles = []
    title, namespace = "", ""
    with bz2.open(dump) as source:
        for _, element in ElementTree.iterparse(source):
            tag = element.tag.rsplit("}", 1)[-1]
            if tag == "title":
                title = element.text or ""
            elif tag == "ns":
                namespace = element.text or ""
            elif tag == "page":
                if namespace == "0":
                    titles.append(title)
                element.clear()
    return titles
