"""All numbers of a report: the stages in; figures, and what was drawn, out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.config import ReportConfig
from pipeline.report.content import downloaded, throughput
from pipeline.report.drawn import DrawnPerQuery, DrawnRows
from pipeline.report.funnel import Step, as_json, funnel
from pipeline.report.pairs import PairFigures, count_pairs
from pipeline.report.queries import QueryList, balance, by_source, has_queries, listed, read_queries
from pipeline.report.stages import Stages
from pipeline.report.stored import StoredFigures, look_at_shards

NO_IDS: Any = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Numbers:
    """What a page is made of; None for what is not there."""

    stages: Stages
    steps: list[Step]
    queries: QueryList | None
    top: Any
    rare: Any
    pairs: PairFigures | None
    stored: StoredFigures | None
    download: dict[str, Any] | None
    drawn: DrawnRows
    per_query: DrawnPerQuery
    times: dict[str, Any] | None
    missing: list[str]

    @property
    def stored_matches(self) -> Any:
        """Stored pairs by query, None where no shards are."""
        return None if self.stored is None else self.stored.matched

    def as_json(self) -> dict[str, Any]:
        """Return the numbers as JSON values; no clock in them but under ``times``."""
        queries = self.queries
        return {
            "kind": self.stages.kind,
            "identity": self.stages.identity,
            "funnel": as_json(self.steps),
            "queries": None if queries is None else {
                "balance": self.balance(),
                "by_source": by_source(queries),
                "top": listed(queries, self.top, self.stored_matches),
                "rare": listed(queries, self.rare, self.stored_matches),
            },
            "pairs": None if self.pairs is None else self.pairs.as_json(),
            "stored": None if self.stored is None else self.stored.as_json(),
            "download": self.download,
            "missing": self.missing,
            **({} if self.times is None else {"times": self.times}),
        }  # fmt: skip

    def balance(self) -> dict[str, Any]:
        """Return the balance of the round whose counts the queries have."""
        assert self.queries is not None
        rounds = self.stages.rounds
        of_round = rounds[0] if self.stages.selections else (rounds[-1] if rounds else {})
        return balance(self.queries, of_round, self.stored_matches)


def find_numbers(stages: Stages, config: ReportConfig) -> Numbers:
    """Return the numbers of what there is. Raises ValueError that names a file that is not as it was written."""
    shards = stages.shards
    beside = stages.selections[0].folder if stages.selections else shards.folder if shards else None
    queries = read_queries(beside) if beside is not None and has_queries(beside) else None
    top, rare = (NO_IDS, NO_IDS) if queries is None else (queries.top, queries.rare(config.seed))
    drawn = DrawnRows(config.gallery if shards else 0, config.seed)
    per_query = DrawnPerQuery(np.concatenate([top, rare]), config.seed)
    num_queries = 0 if queries is None else len(queries.matched)
    stored = None if shards is None else look_at_shards(shards.folder, num_queries, drawn, per_query)
    summary = None if stages.candidates is None else stages.candidates.summary
    removed = {} if stored is None else dict(stored.removed)
    return Numbers(
        stages=stages,
        steps=funnel(summary, stages.rounds, None if shards is None else shards.summary, removed),
        queries=queries, top=top, rare=rare,
        pairs=count_pairs(stages),
        stored=stored,
        download=None if shards is None else downloaded(shards),
        drawn=drawn, per_query=per_query,
        times=throughput(shards.folder) if shards is not None and config.times else None,
        missing=_missing(stages, queries),
    )  # fmt: skip


def _missing(stages: Stages, queries: QueryList | None) -> list[str]:
    """Return in words which sections have nothing to show, and why."""
    found = []
    if stages.candidates is None and not any("records" in told.get("counts", {}) for told in stages.rounds):
        found.append(
            "Records read and why they were left out: they stand in the candidates folder; give the folder of "
            "pipeline run, or that one."
        )
    if queries is None:
        found.append("Queries and their balance: nothing was selected by queries here (pipeline balance does).")
    if stages.shards is None:
        found.append("Pictures, sizes, outcomes: they stand in the shards folder (pipeline download makes it).")
    elif not stages.selections:
        found.append("Languages and input files: they stand in the selection folder, not in shards.")
    return found
