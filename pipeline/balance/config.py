"""The options of `pipeline balance`."""

from dataclasses import dataclass
from typing import Literal

from pipeline.runners.config import RunnerOptions
from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class BalanceOptions(OptionGroup):
    """What decides which candidates are selected."""

    max_pairs_per_query: int = 20_000
    """The cap: pairs each query keeps (CLIP paper, section 2.2: up to 20,000)."""

    tail_share: float | None = None
    """In place of the cap: the share of all matches that queries with up to the cap shall hold; the cap of each
    language is found from it (MetaCLIP 2 takes English's share at its cap, about 0.06, for all languages)."""

    mode: Literal["per_query_cap", "probabilistic"] = "per_query_cap"
    """per_query_cap: each query keeps its pairs of lowest rank, exactly up to the cap (the paper's sentence);
    probabilistic: each query keeps a pair with probability cap / matched (MetaCLIP)."""

    seed: int = 0
    """Key of the ranks and draws: 0 .. 2**64 - 1. Whoever knows it can choose URLs of low rank."""

    rank_key_file: NotIdentity[str] = ""
    """File with a private key (at most 64 bytes) in place of the seed."""

    samples_per_shard: int = 10_000
    """Images per shard (img2dataset: number_sample_per_shard, 10,000)."""

    write_entry_counts: bool = False
    """Also write entry_counts.json: the matches of each query as MetaCLIP publishes them."""

    def _check(self) -> None:
        if self.tail_share is not None and not 0 < self.tail_share < 1:
            raise ValueError(f"tail_share must be between 0 and 1, found {self.tail_share!r}")
        if self.max_pairs_per_query < 1:
            raise ValueError(f"max_pairs_per_query must be at least 1, found {self.max_pairs_per_query!r}")
        if self.samples_per_shard < 1:
            raise ValueError(f"samples_per_shard must be at least 1, found {self.samples_per_shard!r}")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be in 0 .. 2**64 - 1, found {self.seed!r}")


@dataclass(frozen=True, kw_only=True)
class BalanceConfig(BalanceOptions, RunnerOptions):
    """Balance candidates over the queries and lay the selected ones out in shards."""

    candidates: NotIdentity[str]
    """Folder that `pipeline collect` made."""

    output: NotIdentity[str]
    """Folder for the selection: absent, or an unfinished run of the same command."""

    queries: NotIdentity[str] = ""
    """Where the queries folder of the candidates (or the MetaCLIP metadata.json) lies now; empty: where collect found
    it."""

    failed: NotIdentity[tuple[str, ...]] = ()
    """Refill: all shard folders downloaded so far. Selects replacements for the failed images of queries that have
    spares; mode, caps, seed and shard size are read from the first selection."""
