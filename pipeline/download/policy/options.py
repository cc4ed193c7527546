"""The options of `pipeline download` that say which wishes of publishers are obeyed."""

from dataclasses import dataclass
from typing import Literal

from schemas.option_group import OptionGroup, check_between
from schemas.run_options import NotIdentity

Preset = Literal["strict", "respect-explicit", "headers-only"]


@dataclass(frozen=True, kw_only=True)
class PolicyOptions(OptionGroup):
    """Which machine-readable wishes opt an image out."""

    policy: Preset = "respect-explicit"
    """Which wishes forbid: respect-explicit: what is said to this agent, to all, or of training AI (robots.txt, ai.txt,
    tdmrep.json, headers, the image's own marks); strict: also what is doubtful; headers-only: response headers alone,
    no further request (img2dataset: X-Robots-Tag). The whole table: pipeline/download/README.md."""
    policy_file: NotIdentity[str] = ""
    """JSON file whose rows replace those of pipeline/download/policy/vocabulary.json, in its form; each worker reads
    it. Its content is part of the run's identity."""
    max_crawl_delay_s: NotIdentity[float] = 10.0
    """Crawl-delay of robots.txt is obeyed up to this many seconds between two requests of a worker process to a site
    (0: not)."""
    disallowed_header_directives: tuple[str, ...] = ("noai", "noimageai", "noindex", "noimageindex")
    """X-Robots-Tag directives that opt an image out (img2dataset's list); none: ignore the header."""

    def _check(self) -> None:
        check_between(self, max_crawl_delay_s=(0, 3600))
