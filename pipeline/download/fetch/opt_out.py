"""Machine-readable opt-outs in response headers: X-Robots-Tag."""

from collections.abc import Collection, Iterable

_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
"""Directives that have a colon themselves."""


def is_opted_out(values: Iterable[str], agent_token: str, disallowed: Collection[str]) -> bool:
    """Tell whether the X-Robots-Tag header `values` hold a disallowed directive for this agent.

    ``noai, noindex`` speaks to all; ``somebot: noai`` to that agent only, with every directive after it up to the
    next name (the rule of the Robots Exclusion headers as Google documents it). Directives and names are compared
    in lower case. For one agent per header it is img2dataset's `is_disallowed`.
    """
    wanted = {directive.strip().lower() for directive in disallowed}
    for value in values:
        agent = None
        for part in value.lower().split(","):
            name, colon, rest = part.partition(":")
            if colon and name.strip() not in _WITH_VALUE:
                agent, part = name.strip(), rest
            if agent in (None, agent_token) and part.strip() in wanted:
                return True
    return False
