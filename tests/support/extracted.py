"""The text of a piece of wikitext, for an English wiki."""

from querygen.text.wikitext import TextExtractor
from querygen.wiki.dump import SiteInfo

EXTRACTOR = TextExtractor(SiteInfo())


def extract(wikitext: str) -> str:
    text, _ = EXTRACTOR.extract(wikitext.encode())
    return text


def extract_words(wikitext: str) -> list[str]:
    return extract(wikitext).split()
