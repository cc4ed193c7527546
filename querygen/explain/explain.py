"""``querygen explain``: why a text is a query of the list, or why it is not, source by source.

In: texts and a finished queries folder. Out: one `Explanation` per text, as lines for people or as JSON.
"""

import dataclasses
import re
from fractions import Fraction
from typing import Any

from querygen.config import ExplainConfig
from querygen.explain.bigram_rank import StopWords, bigram_rule, rank_bigram, settings
from querygen.explain.counts_file import CountsFile
from querygen.explain.explanation import Explanation, SourceAnswer, lines, number, refused, times
from querygen.known_folder import open_queries
from querygen.query_list.pmi import pmi
from querygen.query_list.query_list import NOT_OF_THE_LAST
from querygen.text.segment import find_segmenter, join_words, segment
from schemas.manifest import read_current_manifest
from schemas.printable import printable, printable_json
from schemas.query import COUNTS, QUERIES, SYNSET_HEADS
from schemas.query_source import SOURCES
from schemas.storage import Folder
from schemas.text import UNIDATA_VERSION, normal_form

SYNSETS_FILE = "counts/synsets.parquet"


def explain(config: ExplainConfig) -> int:
    """Print the explanations and return the exit code: 0 when all texts are in the list, else 1.

    Raises FileNotFoundError for an unfinished folder, ValueError when no text is given.
    """
    if not config.texts:
        raise ValueError('texts: give one or more texts, quoted: querygen explain "new york city" --queries FOLDER')
    explainer = Explainer(Folder(config.queries))
    found = [explainer.explain(text) for text in config.texts]
    if config.json:
        print(printable_json([dataclasses.asdict(one) for one in found], indent=2))
    else:
        print("\n".join(line for one in found for line in lines(one)))
    return 0 if all(one.in_list for one in found) else 1


class Explainer:
    """Answers from one queries folder; opens its files once."""

    def __init__(self, folder: Folder) -> None:
        read_current_manifest(folder, "queries")  # its texts are looked up
        manifest, run = open_queries(folder)
        self._summary: dict[str, Any] = manifest["summary"]
        self._queries = CountsFile(folder, "queries.parquet", QUERIES)
        self._words, self._bigrams, self._titles = (
            CountsFile(folder, f"counts/{name}.parquet", COUNTS[name]) for name in COUNTS
        )
        # Folders of schema 1.0 keep the heads of the list only.
        self._heads = CountsFile(folder, SYNSETS_FILE, SYNSET_HEADS) if folder.exists(SYNSETS_FILE) else None
        self._settings = settings(run, self._summary)
        self._segmented = find_segmenter(str(self._summary.get("language"))).finds_words
        self._rule = bigram_rule(self._words, self._settings)
        self._notes = []
        if manifest.get("unidata_version") != UNIDATA_VERSION:
            self._notes.append(
                f"the list was made with Unicode {manifest.get('unidata_version')}, this Python has {UNIDATA_VERSION}: "
                "new characters may have another normal form"
            )

    def explain(self, asked: str) -> Explanation:
        """Return the explanation of one text."""
        text = normal_form(asked)
        query = self._queries.find(text) if text else None
        if text and query is None and self._segmented:
            joined = normal_form(join_words(text))  # "東京 大学" is listed as it is written
            query = self._queries.find(joined)
            text = joined if query else text
        brings = query["sources"] if query else []
        if text:
            answers = [
                self._word(text, "word" in brings),
                self._bigram(text, "bigram" in brings),
                self._title(text, "title" in brings),
                self._synset(text, "synset" in brings, query),
            ]
        else:
            answers = [refused(source, "no_word", "no word is left of it in normal form") for source in SOURCES]
        return Explanation(
            asked=asked,
            text=text,
            in_list=query is not None,
            query=query,
            sources=answers,
            notes=[*self._notes, *self._suffix_note(asked)],
        )

    def _word(self, text: str, brings: bool) -> SourceAnswer:
        parts, least = text.split(" "), self._summary["min_word_count"]
        if len(parts) > 1:
            return refused("word", "not_one_word", f"a phrase of {len(parts)} words is no word")
        row = self._words.find(text)
        if row is None:
            return self._not_counted("word", "words")
        values = {"count": row["count"]}
        if row["count"] < least:
            detail = f"seen {times(row['count'])}, below --min-word-count {least:,}"
            return refused("word", "below_min_word_count", detail, values)
        rank, of = self._words.rank_by_value("count", row["count"], text, least)
        return self._ranked("word", brings, rank, of, f"seen {times(row['count'])}", values)

    def _bigram(self, text: str, brings: bool) -> SourceAnswer:
        row = self._unspaced_bigram(text) if self._segmented else None
        parts = (row["text"] if row else normal_form(segment(text)) if self._segmented else text).split(" ")
        if len(parts) != 2:
            phrase = "one word" if len(parts) == 1 else f"a phrase of {len(parts)} words"
            return refused("bigram", "not_two_words", f"{phrase} is no bigram")
        rule = self._rule
        words = [self._words.find(part) for part in parts]
        reasons, details = [], []
        for part, word in zip(parts, words, strict=True):
            if word is None or word["count"] < rule.min_word_count:
                seen = times(word["count"]) if word else f"fewer than {self._floor('words'):,} times"
                least = f"--min-word-count is {rule.min_word_count:,}"
                details.append(f"{part!r} is not in the word list: seen {seen}, {least}")
                reasons.append("word_not_in_list")
        if rule.stop_words:
            share = sum(_is_stop_word(word, rule.stop_words) for word in words) / 2
            if share > rule.stop_words.max_share:
                details.append(f"{share:.0%} of its words are stop words, above --max-stop-word-share")
                reasons.append("too_many_stop_words")
        if row is None and words[0] and words[1]:
            row = self._bigrams.find(text, first_count=words[0]["count"], second_count=words[1]["count"])
        if row is None:
            if "word_not_in_list" not in reasons:  # bigrams of other words need not be stored
                missing = self._not_counted("bigram", "bigrams")
                reasons, details = [*missing.reasons, *reasons], [missing.detail, *details]
            return refused("bigram", reasons, details)
        n_ab, n_a, n_b = row["count"], row["first_count"], row["second_count"]
        num_words = rule.num_words
        bits = pmi(n_ab, n_a, n_b, num_words)
        values = {
            "n_ab": n_ab, "n_a": n_a, "n_b": n_b, "num_words": num_words, "ratio": f"{n_ab}/{n_a * n_b}",
            "pmi": round(bits, 4),
        }  # fmt: skip
        said = f"PMI {bits:.4f} bits = log2({n_ab:,} * {num_words:,} / ({n_a:,} * {n_b:,}))"
        if n_ab < rule.min_count:
            details.insert(0, f"seen {times(n_ab)}, below --min-bigram-count {rule.min_count:,}")
            reasons.insert(0, "below_min_bigram_count")
        if n_ab * num_words <= n_a * n_b:
            details.append("the words stand together no more often than by chance")
            reasons.append("pmi_not_positive")
        if reasons and not brings:
            return refused("bigram", reasons, [*details, said], values)
        rank, of = rank_bigram(self._bigrams, row, rule)
        return self._ranked("bigram", brings, rank, of, said, values)

    def _unspaced_bigram(self, text: str) -> dict[str, Any] | None:
        """Return the best of the bigrams that are written as `text` in running text: that one is in the list."""
        found = [row for row in self._bigrams.find_unspaced(text) if join_words(row["text"]) == join_words(text)]
        return min(
            found,
            key=lambda row: (
                -Fraction(row["count"], row["first_count"] * row["second_count"]),
                -row["count"],
                row["text"],
            ),
            default=None,
        )

    def _title(self, text: str, brings: bool) -> SourceAnswer:
        row = self._titles.find(text)
        if row is None:
            floor = self._floor("titles")
            few = "no page view" if floor <= 1 else f"fewer than {floor:,} page views (less is not kept)"
            return refused("title", "no_such_title", f"no article has this title, or it has {few}")
        by_length = self._settings.get("titles_ranked_by") == "length"  # of a category, without page views
        least = int(self._settings.get("min_views") or 0)
        said = f"{row['views']:,} {'characters long' if by_length else 'views'}, as {printable(row['surface'])!r}"
        if row["views"] < least:
            return refused("title", "below_min_views", f"{said}, below --min-views {least:,}", {"views": row["views"]})
        rank, of = self._titles.rank_by_value("views", row["views"], text, least)
        return self._ranked("title", brings, rank, of, said, {"views": row["views"], "surface": row["surface"]})

    def _synset(self, text: str, brings: bool, query: dict[str, Any] | None) -> SourceAnswer:
        if self._heads is None:
            names = (query or {}).get("synsets")
            if names:
                detail = f"heads {', '.join(names)} (its rank is not stored in folders of schema 1.0)"
                reasons = [] if brings else ["budget_full"]
                return SourceAnswer(source="synset", brings=brings, reasons=reasons, detail=detail)
            return refused("synset", "not_a_synset_head", "the list has no synset head of this text")
        row = self._heads.find(text)
        if row is None:
            lemma = "a lemma" if self._settings.get("all_lemmas") else "its first lemma"
            return refused("synset", "not_a_synset_head", f"no synset of WordNet has it as {lemma}")
        rank, of = self._heads.rank_by_value("tag_count", row["tag_count"], text, 0)
        said = f"heads {', '.join(row['synsets'])}; tagged {times(row['tag_count'])}"
        return self._ranked(
            "synset", brings, rank, of, said, {"tag_count": row["tag_count"], "synsets": row["synsets"]}
        )

    def _suffix_note(self, asked: str) -> list[str]:
        stripped = re.sub(r"\s*\([^()]*\)\s*$", "", asked)
        if self._settings.get("disambiguation") != "strip" or stripped == asked or not normal_form(stripped):
            return []
        return [f'titles of this list lost their "(...)": ask for {normal_form(stripped)!r}, too']

    def _ranked(self, source: str, brings: bool, rank: int, of: int, said: str, values: dict[str, Any]) -> SourceAnswer:
        """Answer for an entry that could be taken: it was, or the budget was full."""
        detail, reasons = f"{said}; rank {rank:,} of {of:,}", []
        if not brings:
            reasons = ["budget_full"]
            reached = self._summary.get("thresholds", {}).get(source)
            if reached is None:
                detail += f"; the list takes no {source}s"
            else:
                last = ", ".join(
                    f"{key} {number(value)}" for key, value in reached.items() if key not in NOT_OF_THE_LAST
                )
                detail += f"; the budget was full before it: the last {source} taken is {reached['text']!r} ({last})"
        return SourceAnswer(
            source=source, brings=brings, reasons=reasons, detail=detail, rank=rank, of=of, values=values
        )

    def _not_counted(self, source: str, name: str) -> SourceAnswer:
        floor = self._floor(name)
        if floor <= 1:
            return refused(source, "not_seen", "never seen")
        return refused(source, "below_floor", f"seen fewer than {floor:,} times: such counts are not kept")

    def _floor(self, name: str) -> int:
        return int(self._summary["floors"][name])


def _is_stop_word(word: dict[str, Any] | None, stop: StopWords) -> bool:
    return word is not None and (word["count"] > stop.above or word["text"] in stop.tied)
