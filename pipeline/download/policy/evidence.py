"""What was seen of a publisher's wishes for one image, and what follows: signals in, a decision with its rule out."""

from dataclasses import dataclass

MAX_VALUE_CHARACTERS = 200
"""Of a value as it is kept: a hostile one is no reason for a large table."""

FORBID, ALLOW, UNKNOWN, IGNORE = "forbid", "allow", "unknown", "ignore"
MEANINGS = (FORBID, ALLOW, UNKNOWN, IGNORE)


@dataclass(frozen=True)
class Signal:
    """A wish as it was read: `value` is that of the vocabulary's row, `found` what stood there."""

    place: str
    """Where: robots.txt, ai.txt, tdmrep.json, header, rsl, image."""
    name: str
    value: str
    found: str

    @property
    def row(self) -> str:
        """The row of the vocabulary, as rules and counts name it."""
        return f"{self.name}={self.value}"


@dataclass(frozen=True)
class Judged:
    """A signal with its meaning under a preset."""

    signal: Signal
    meaning: str


@dataclass(frozen=True)
class Evidence:
    """All signals of an image in the order in which they were seen, and the decision."""

    seen: tuple[Judged, ...]
    decision: str
    """`FORBID` or `ALLOW`. Nothing forbids by being absent."""
    rule: str | None
    """Place and row that decided; None where no row did, so that nothing forbade it."""

    @property
    def is_conflict(self) -> bool:
        """Whether one signal forbids what another allows."""
        return {FORBID, ALLOW} <= {judged.meaning for judged in self.seen}


NOTHING_SEEN = Evidence((), ALLOW, None)


def printable(text: str) -> str:
    """Return `text` as it is kept: bounded, one line, whatever bytes it was."""
    cut = text[:MAX_VALUE_CHARACTERS]
    return "".join(c if c.isprintable() else "\ufffd" for c in cut)


def decide(seen: tuple[Judged, ...]) -> Evidence:
    """Return the decision: the first that forbids wins over all that allow; the first that allows is named else."""
    if not seen:
        return NOTHING_SEEN
    for wanted in (FORBID, ALLOW):
        for judged in seen:
            if judged.meaning == wanted:
                return Evidence(seen, wanted, f"{judged.signal.place}: {judged.signal.row}")
    return Evidence(seen, ALLOW, None)
