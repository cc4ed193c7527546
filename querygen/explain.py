"""``querygen explain``: why a text is a query of the list, or why it is not, source by source.

In: texts and a finished queries folder. Out: one `Explanation` per text, as lines for people or as JSON.
"""

import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from querygen.counts_file import CountsFile
from querygen.pmi import pmi
from querygen.printable import printable
from schemas.manifest import read_manifest
from schemas.query import SOURCES
from schemas.storage import Folder
from schemas.text import UNIDATA_VERSION, normal_form

SYNSETS_FILE = "counts/synsets.parquet"


@dataclass(frozen=True, kw_only=True)
class ExplainConfig:
    """Say why texts are queries of a list, or why not. Exit code 1 when any of them is not."""

    texts: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Texts to explain, quoted: "new york city". They are brought into the list's normal form first."""
    queries: str
    """Folder of `querygen build`."""
    json: bool = False
    """Write JSON: a list with one object per text."""


@dataclass(frozen=True, kw_only=True)
class SourceAnswer:
    """What one source says to a text."""

    source: str
    brings: bool
    """The source brings the text to the list, as its first owner or beside others."""
    reasons: list[str]
    """Codes of why it does not; empty when it does."""
    detail: str
    """The same in words, with the numbers."""
    rank: int | None = None
    """Place in the order of the source, from 1, among the entries that could be taken."""
    of: int | None = None
    """How many could be taken."""
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Counts the answer rests on: count, n_ab, n_a, n_b, num_words, ratio, pmi, views, tag_count, synsets."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All that is known of a text."""

    asked: str
    text: str
    """Normal form of what was asked; empty when it has no word."""
    in_list: bool
    query: dict[str, Any] | None
    """Its row of queries.parquet."""
    sources: list[SourceAnswer]
    notes: list[str]


def explain(config: ExplainConfig) -> int:
    """Print the explanations and return the exit code: 0 when all texts are in the list, else 1.

    Raises FileNotFoundError for an unfinished folder, ValueError when no text is given.
    """
    if not config.texts:
        raise ValueError('texts: give one or more texts, quoted: querygen explain "new york city" --queries FOLDER')
    explainer = Explainer(Folder(config.queries))
    found = [explainer.explain(text) for text in config.texts]
    if config.json:
        json.dump([dataclasses.asdict(one) for one in found], sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        print("\n".join(line for one in found for line in lines(one)))
    return 0 if all(one.in_list for one in found) else 1


class Explainer:
    """Answers from one queries folder; opens its files once."""

    def __init__(self, folder: Folder) -> None:
        manifest = read_manifest(folder, "queries")
        self._summary: dict[str, Any] = manifest["summary"]
        self._queries = CountsFile(folder, "queries.parquet")
        self._words, self._bigrams, self._titles = (
            CountsFile(folder, f"counts/{name}.parquet") for name in ("words", "bigrams", "titles")
        )
        # Folders of schema 1.0 keep the heads of the list only.
        self._heads = CountsFile(folder, SYNSETS_FILE) if folder.exists(SYNSETS_FILE) else None
        self._notes = []
        if manifest["unidata_version"] != UNIDATA_VERSION:
            self._notes.append(
                f"the list was made with Unicode {manifest['unidata_version']}, this Python has {UNIDATA_VERSION}: "
                "new characters may have another normal form"
            )

    def explain(self, asked: str) -> Explanation:
        """Return the explanation of one text."""
        text = normal_form(asked)
        query = self._queries.find(text) if text else None
        brings = query["sources"] if query else []
        if text:
            answers = [
                self._word(text, "word" in brings),
                self._bigram(text, "bigram" in brings),
                self._title(text, "title" in brings),
                self._synset(text, "synset" in brings, query),
            ]
        else:
            answers = [_no(source, "no_word", "no word is left of it in normal form") for source in SOURCES]
        return Explanation(
            asked=asked, text=text, in_list=query is not None, query=query, sources=answers, notes=self._notes
        )

    def _word(self, text: str, brings: bool) -> SourceAnswer:
        parts, least = text.split(" "), self._summary["min_word_count"]
        if len(parts) > 1:
            return _no("word", "not_one_word", f"a phrase of {len(parts)} words is no word")
        row = self._words.find(text)
        if row is None:
            return self._not_counted("word", "words")
        values = {"count": row["count"]}
        if row["count"] < least:
            detail = f"seen {_times(row['count'])}, below --min-word-count {least:,}"
            return _no("word", "below_min_word_count", detail, values)
        rank, of = self._words.rank_by_value("count", row["count"], text, least)
        return self._ranked("word", brings, rank, of, f"seen {_times(row['count'])}", values)

    def _bigram(self, text: str, brings: bool) -> SourceAnswer:
        parts = text.split(" ")
        if len(parts) != 2:
            phrase = "one word" if len(parts) == 1 else f"a phrase of {len(parts)} words"
            return _no("bigram", "not_two_words", f"{phrase} is no bigram")
        least_words, least = self._summary["min_word_count"], self._summary["min_bigram_count"]
        counts = [word["count"] if (word := self._words.find(part)) else None for part in parts]
        reasons, details = [], []
        for part, count in zip(parts, counts, strict=True):
            if count is None or count < least_words:
                seen = f"fewer than {self._floor('words'):,} times" if count is None else _times(count)
                details.append(f"{part!r} is not in the word list: seen {seen}, --min-word-count is {least_words:,}")
                reasons.append("word_not_in_list")
        row = None
        if counts[0] is not None and counts[1] is not None:
            row = self._bigrams.find(text, first_count=counts[0], second_count=counts[1])
        if row is None:
            missing = self._not_counted("bigram", "bigrams")
            return _no("bigram", [*missing.reasons, *reasons[:1]], "; ".join([missing.detail, *details]))
        n_ab, n_a, n_b = row["count"], row["first_count"], row["second_count"]
        num_words = self._summary["dump"]["words"]
        bits = pmi(n_ab, n_a, n_b, num_words)
        values = {
            "n_ab": n_ab, "n_a": n_a, "n_b": n_b, "num_words": num_words, "ratio": f"{n_ab}/{n_a * n_b}",
            "pmi": round(bits, 4),
        }  # fmt: skip
        said = f"PMI {bits:.4f} bits = log2({n_ab:,} * {num_words:,} / ({n_a:,} * {n_b:,}))"
        if n_ab < least:
            details.insert(0, f"seen {_times(n_ab)}, below --min-bigram-count {least:,}")
            reasons.insert(0, "below_min_bigram_count")
        if n_ab * num_words <= n_a * n_b:
            details.append("the words stand together no more often than by chance")
            reasons.append("pmi_not_positive")
        if reasons and not brings:
            return _no("bigram", list(dict.fromkeys(reasons)), "; ".join([*details, said]), values)
        rank, of = self._bigrams.rank_by_ratio(row, least, least_words, num_words)
        return self._ranked("bigram", brings, rank, of, said, values)

    def _title(self, text: str, brings: bool) -> SourceAnswer:
        row = self._titles.find(text)
        if row is None:
            floor = self._floor("titles")
            few = "no page view" if floor <= 1 else f"fewer than {floor:,} page views (less is not kept)"
            return _no("title", "no_such_title", f"no article has this title, or it has {few}")
        rank, of = self._titles.rank_by_value("views", row["views"], text, 0)
        said = f"{row['views']:,} views, as {printable(row['surface'])!r}"
        return self._ranked("title", brings, rank, of, said, {"views": row["views"], "surface": row["surface"]})

    def _synset(self, text: str, brings: bool, query: dict[str, Any] | None) -> SourceAnswer:
        if self._heads is None:
            names = (query or {}).get("synsets")
            if names:
                detail = f"heads {', '.join(names)} (its rank is not stored in folders of schema 1.0)"
                reasons = [] if brings else ["budget_full"]
                return SourceAnswer(source="synset", brings=brings, reasons=reasons, detail=detail)
            return _no("synset", "not_a_synset_head", "the list has no synset head of this text")
        row = self._heads.find(text)
        if row is None:
            return _no("synset", "not_a_synset_head", "no synset of WordNet has it as its first lemma")
        rank, of = self._heads.rank_by_value("tag_count", row["tag_count"], text, 0)
        said = f"heads {', '.join(row['synsets'])}; tagged {_times(row['tag_count'])}"
        return self._ranked(
            "synset", brings, rank, of, said, {"tag_count": row["tag_count"], "synsets": row["synsets"]}
        )

    def _ranked(self, source: str, brings: bool, rank: int, of: int, said: str, values: dict[str, Any]) -> SourceAnswer:
        """Answer for an entry that could be taken: it was, or the budget was full."""
        detail, reasons = f"{said}; rank {rank:,} of {of:,}", []
        if not brings:
            reasons = ["budget_full"]
            reached = self._summary.get("thresholds", {}).get(source)
            if reached is None:
                detail += f"; the list takes no {source}s"
            else:
                last = ", ".join(f"{key} {_number(value)}" for key, value in reached.items() if key != "text")
                detail += f"; the budget was full before it: the last {source} taken is {reached['text']!r} ({last})"
        return SourceAnswer(
            source=source, brings=brings, reasons=reasons, detail=detail, rank=rank, of=of, values=values
        )

    def _not_counted(self, source: str, name: str) -> SourceAnswer:
        floor = self._floor(name)
        if floor <= 1:
            return _no(source, "not_seen", "never seen")
        return _no(source, "below_floor", f"seen fewer than {floor:,} times: such counts are not kept")

    def _floor(self, name: str) -> int:
        return int(self._summary["floors"][name])


def lines(found: Explanation) -> list[str]:
    """Return an explanation as lines of text."""
    asked = "" if found.asked == found.text else f" (asked: {printable(found.asked)!r})"
    head = f"{found.text or '(no word)'}{asked}: "
    if found.query is None:
        head += "not in the list"
    else:
        spelling, others = printable(found.query["surface"]), found.query["sources"][1:]
        head += f"in the list, query_id {found.query['query_id']:,}, {found.query['sources'][0]}"
        head += f" (also {', '.join(others)})" * bool(others) + f", surface {spelling!r}"
    told = [f"  {answer.source:<7} {'yes' if answer.brings else 'no':<4} {answer.detail}" for answer in found.sources]
    return [head, *told, *(f"  note: {note}" for note in found.notes)]


def _no(source: str, reason: str | list[str], detail: str, values: dict[str, Any] | None = None) -> SourceAnswer:
    reasons = [reason] if isinstance(reason, str) else reason
    return SourceAnswer(source=source, brings=False, reasons=reasons, detail=detail, values=values or {})


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
