"""The options of `pipeline explain`."""

import re
from dataclasses import dataclass

from pipeline.balance.config import BalanceOptions


@dataclass(frozen=True, kw_only=True)
class ExplainConfig(BalanceOptions):
    """Explain a balance: before it runs from the candidates, afterwards from its selection too."""

    candidates: str = ""
    """Folder that `pipeline collect` made: what a balance with the options given here would select."""

    selection: str = ""
    """Folder that `pipeline balance` made: what it selected. Mode, caps and seed are read from there."""

    queries: str = ""
    """Where the queries folder of the candidates (or the MetaCLIP metadata.json) lies now; empty: where collect found
    it."""

    failed: tuple[str, ...] = ()
    """With the selection of a refill: where the shard folders it was given lie now; empty: where it found them."""

    query: tuple[str, ...] = ()
    """Explain these queries (text or surface)."""

    pair: str = ""
    """Explain this pair: its pair_id, 32 hex digits."""

    url: str = ""
    """Explain the pairs of the image at this URL."""

    json: bool = False
    """Print JSON in place of tables."""

    work_dir: str = ""
    """Where all workers can write: a new folder below it is used and deleted. Empty: a local temporary folder."""

    def _check(self) -> None:
        if not self.candidates and not self.selection:
            raise ValueError("expected --candidates or --selection, found neither")
        if self.pair and not re.fullmatch("[0-9a-f]{32}", self.pair):
            raise ValueError(f"pair must be 32 hex digits (0-9, a-f), found {self.pair!r}")
        if (self.pair or self.url) and not self.candidates:
            raise ValueError("--pair and --url look the pair up in the candidates: name them with --candidates")
