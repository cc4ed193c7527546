"""The options of `pipeline run`: those of its three stages, and one folder."""

from dataclasses import dataclass

from pipeline.balance.config import BalanceConfig, BalanceOptions
from pipeline.collect.config import CollectConfig, CollectOptions
from pipeline.download.config import DownloadConfig, DownloadOptions
from schemas.option_group import stage_config
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

    def collect(self) -> CollectConfig:
        """Return the configuration of the first stage."""
        return stage_config(CollectConfig, self, output=f"{self.output}/{CANDIDATES}")

    def balance(self) -> BalanceConfig:
        """Return the configuration of the first balance."""
        return self._balance(SELECTION, failed=())

    def balance_refill(self) -> BalanceConfig:
        """Return the configuration of the refill round's balance."""
        return self._balance(REFILL, failed=(f"{self.output}/{SHARDS}",))

    def _balance(self, selection: str, failed: tuple[str, ...]) -> BalanceConfig:
        return stage_config(
            BalanceConfig,
            self,
            candidates=f"{self.output}/{CANDIDATES}",
            output=f"{self.output}/{selection}",
            failed=failed,
        )

    def download(self, selection: str) -> DownloadConfig:
        """Return the configuration that downloads the selection below the output of that name."""
        return stage_config(
            DownloadConfig, self, selection=f"{self.output}/{selection}", output=f"{self.output}/{SHARDS}",
            preflight=False, retry_failed=False, recheck=False, recheck_sample=0, recheck_seed=0,
            recheck_heads_only=False, since="",
        )  # fmt: skip
