"""Signs of life of a worker, so that the one for whom all others wait can be named."""

from typing import Protocol


class Pulse(Protocol):
    """Where a worker says what it begins to do."""

    def at(self, step: int, doing: str) -> None:
        """Note what is done now, such as ``waits for data``, at `step`; costs no more than an assignment."""

    def close(self) -> None: ...


class NoPulse:
    """Of a run that nobody watches: one process, `torchrun`, tests."""

    def at(self, step: int, doing: str) -> None:
        pass

    def close(self) -> None:
        pass
