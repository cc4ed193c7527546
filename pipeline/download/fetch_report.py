"""What a call of `download_shards` did: for the summary, not for any output."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FetchReport:
    """What one call of `download_shards` did; shards finished before it are not counted."""

    shards: int
    images: int
    successes: int
    body_bytes: int
    seconds: float

    def __add__(self, other: "FetchReport") -> "FetchReport":
        """Return the report of both calls together."""
        return FetchReport(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))
