"""Who asks for many images must say how to be reached: checked before the first request."""

import re

from pipeline.download.fetch.options import DEFAULT_USER_AGENT

MAX_WITHOUT_CONTACT = 10_000
"""Rows of a selection that may be fetched under the agent of this project."""

_CONTACT = re.compile(r"https?://[^\s/.]+\.[^\s)]+|[^\s@<>()]+@[^\s@<>().]+\.[^\s@<>()]+|https?://\[")
"""A URL, or an e-mail address."""


def has_contact(user_agent: str) -> bool:
    """Tell whether the agent holds a URL or an e-mail address that is not this project's."""
    return _CONTACT.search(user_agent.replace(DEFAULT_USER_AGENT, "")) is not None


def check_contact(user_agent: str, num_rows: int, selection: str) -> None:
    """Raise ValueError when the images of `num_rows` would be asked for and nobody could tell by whom."""
    if num_rows > MAX_WITHOUT_CONTACT and not has_contact(user_agent):
        raise ValueError(
            f"{selection} has {num_rows:,} rows: above {MAX_WITHOUT_CONTACT:,} servers are told whom to write to, "
            f"found --user-agent {user_agent!r}; give one with your own URL or e-mail address, such as "
            "--user-agent 'MyCrawler/1.0 (+https://example.org/crawler)', to pipeline download with this selection"
        )
