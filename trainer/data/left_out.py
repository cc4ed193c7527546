"""What of the shards is not trained on, by reason, so that nothing is lost in silence.

In: samples that cannot be used, members and files that are passed over. Out: counts, and one line that names an example
of each reason.
"""

from collections import Counter

from schemas.side_files import is_side_file
from schemas.tar_samples import KEY_RULE, SIDE_FILE, TarSample

_TEXTS = {
    "image_missing": f"without an image ({KEY_RULE})",
    "caption_missing": f"without a caption ({KEY_RULE})",
    "members_apart": f"apart from other members of their key ({KEY_RULE})",
    "image_size": "with an empty or too large image",
    "name_not_utf8": "with a name that is no UTF-8",
}
"""Of the reasons for which a sample is left out."""


class LeftOut:
    """Counts of samples left out, and of members and files passed over."""

    def __init__(self) -> None:
        self._samples: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self.passed_over: Counter[str] = Counter()

    @property
    def num_samples(self) -> int:
        return self._samples.total()

    @property
    def num_passed_over(self) -> int:
        return self.passed_over.total()

    def add(self, reason: str, tar: str, sample: TarSample) -> None:
        """Count one sample left out; `reason` is one of the texts' names."""
        if sample.seen_before and reason in ("image_missing", "caption_missing"):
            reason = "members_apart"
        self._samples[reason] += 1
        names = sample.names().encode("utf-8", "backslashreplace").decode()
        self._examples.setdefault(reason, f"such as {names} in {tar}")

    def count_side_files(self, names: list[str]) -> None:
        """Count those of the files `names` that no listing takes."""
        self.passed_over[SIDE_FILE] += sum(map(is_side_file, names))

    def text(self) -> str:
        """Return one line, empty when nothing was left out."""
        told = [
            f"{count} {_TEXTS[reason]}, {self._examples[reason]}" for reason, count in sorted(self._samples.items())
        ]
        told += [f"{count} passed over: {reason}" for reason, count in sorted(self.passed_over.items()) if count]
        return "; ".join(told)
