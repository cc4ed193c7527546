"""Machine-readable opt-outs in response headers: X-Robots-Tag."""

from collections.abc import Collection, Iterable, Iterator

_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
"""Directives that have a colon themselves."""


def directives(values: Iterable[str], agent_token: str) -> Iterator[str]:
    """Yield the directives of the X-Robots-Tag header `values` for this agent, in lower case.

    ``noai, noindex`` speaks to all; ``somebot: noai`` to that agent only, with every directive after it up to the
    next name (the rule of the Robots Exclusion headers as Google documents it).
    """
    for value in values:
        agent = None
        for part in value.lower().split(","):
            name, colon, rest = part.partition(":")
            # behind the comma of a date with its weekday stands no name: names have no blanks
            if colon and name.strip() not in _WITH_VALUE and " " not in name.strip():
                agent, part = name.strip(), rest
            if agent in (None, agent_token) and part.strip():
                yield part.strip()


def is_opted_out(values: Iterable[str], agent_token: str, disallowed: Collection[str]) -> bool:
    """Tell whether the header `values` hold a `disallowed` directive (in any case) for this agent.

    For one agent per header it is img2dataset's `is_disallowed`.
    """
    wanted = {directive.strip().lower() for directive in disallowed}
    return any(directive in wanted for directive in directives(values, agent_token))
