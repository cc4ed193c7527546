"""The options of `pipeline run`: those of its three stages, and one folder."""

from dataclasses import dataclass, fields
from typing import Any

from pipeline.balance.config import BalanceConfig, BalanceOptions
from pipeline.collect.config import CollectConfig, CollectOptions
from pipeline.download.config import DownloadConfig, DownloadOptions
from schemas.run_options import NotIdentity

CANDIDATES, SELECTION, SHARDS, REFILL = "candidates", "selection", "shards", "selection-refill"
"""The folders below the output; the refill's shards go on in ``shards/``."""


@dataclass(frozen=True, kw_only=True)
class RunConfig(DownloadOptions, BalanceOptions, CollectOptions):
    """Collect, balance, download, and one refill round, resumable, in one folder."""

    output: NotIdentity[str]
    """Folder for candidates/, selection/, selection-refill/ and shards/: absent, or an unfinished run of the same."""

    refill: bool = True
    """Balance once more without the images that failed, and download what replaces them."""

    def __post_init__(self) -> None:
        for options in (CollectOptions, BalanceOptions, DownloadOptions):
            options.__post_init__(self)

    def collect(self) -> CollectConfig:
        """Return the configuration of the first stage."""
        return CollectConfig(**self._of(CollectOptions), output=f"{self.output}/{CANDIDATES}")

    def balance(self) -> BalanceConfig:
        """Return the configuration of the first balance."""
        return BalanceConfig(
            **self._of(BalanceOptions),
            candidates=f"{self.output}/{CANDIDATES}",
            queries=self.queries,
            force=self.force,
            output=f"{self.output}/{SELECTION}",
        )

    def balance_refill(self) -> BalanceConfig:
        """Return the configuration of the refill round's balance."""
        return BalanceConfig(
            **self._of(BalanceOptions),
            candidates=f"{self.output}/{CANDIDATES}",
            queries=self.queries,
            force=self.force,
            output=f"{self.output}/{REFILL}",
            failed=(f"{self.output}/{SHARDS}",),
        )

    def download(self, selection: str) -> DownloadConfig:
        """Return the configuration that downloads the selection below the output of that name."""
        return DownloadConfig(
            **self._of(DownloadOptions), selection=f"{self.output}/{selection}", output=f"{self.output}/{SHARDS}"
        )

    def _of(self, options: type) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(options)}
