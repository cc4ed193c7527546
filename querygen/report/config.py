"""Configuration of ``querygen report``."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """Write a page about a query list: its sources, thresholds, curves, samples, inputs."""

    queries: str
    """Folder of `querygen build`."""
    output: str
    """HTML file to write; it needs no other file and no network."""
    samples: int = 30
    """Random queries shown per source."""
    seed: int = 0
    """Seed of the samples."""

    def __post_init__(self) -> None:
        if self.samples < 0:
            raise ValueError(f"samples must be 0 or more, found {self.samples!r}")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be in 0 .. 2**64 - 1, found {self.seed!r}")
        if not self.output or self.output.endswith("/"):
            raise ValueError(f"output must be a file, found {self.output!r}")
