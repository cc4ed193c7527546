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
        name = user_agent.partition(" ")[0]  # as robots.txt addresses it: part of what a run is
        raise ValueError(
            f"{selection} has {num_rows:,} rows: above {MAX_WITHOUT_CONTACT:,} servers are told whom to write to, "
            f"found --user-agent {user_agent!r}; give the same command again with your own URL or e-mail address, such "
            f"as --user-agent '{name} (+https://example.org/crawler)'; it goes on from here"
        )
