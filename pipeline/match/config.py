"""The options of matching captions against the query list."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class MatchOptions(OptionGroup):
    """Which queries, by which rule."""

    queries: NotIdentity[str]
    """Folder that `querygen build` made; or a list: MetaCLIP's metadata.json (a JSON list of texts, or an object of
    text to count), or a text file of one query a line; a glob or several with commas: one language each, named by the
    file. Of a list a queries folder is made beside the output."""

    match_rule: Literal["normalised", "metaclip", "metaclip2"] = "normalised"
    """normalised: folded words of letters, digits and marks; metaclip: the published MetaCLIP rule, bit for bit;
    metaclip2: that one, without a space asked for beside Han, kana, Thai, Lao, Burmese, Khmer, Tibetan, punctuation."""

    query_languages: Literal["all", "caption"] = "all"
    """all: every caption is asked every query; caption: those of its own language (column language of both)."""

    unknown_language: str = "all"
    """With --query-languages caption: what captions without a language, or of one without queries, are asked: all,
    none, or the queries of the language named here (en)."""

    def _check(self) -> None:
        if self.query_languages == "all" and self.unknown_language != "all":
            raise ValueError(
                f"unknown_language must be all where query_languages is all, found {self.unknown_language!r}; "
                "give --query-languages caption too"
            )
        if not self.unknown_language:
            raise ValueError("unknown_language must be all, none or a language, found an empty text")
