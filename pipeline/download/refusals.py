"""Hosts that refused: counted by shard, added up over the run, told at its end.

In: URLs and HTTP statuses of a shard's images. Out: for each host that refused any, how many were asked of it and how
many it refused with which status. Where a host refused all with 403 it is mostly the agent that it does not like.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from schemas.json_object import JsonObject

STATUSES = (401, 403, 406, 451)
"""Statuses by which a server says that it has it, but not for you."""

ASKED = "asked"

MAX_HOSTS = 1_000
"""Hosts noted of a shard, those with the most refusals."""

MAX_TOLD = 10
"""Hosts kept for the whole run, and told."""


def count_refusals(urls: Sequence[str | None], statuses: Sequence[int | None]) -> dict[str, dict[str, int]]:
    """Return ``{host: {"asked": images, "403": refused, ...}}`` of the hosts that refused any."""
    if not set(STATUSES).intersection(statuses):
        return {}
    asked: Counter[str] = Counter()
    refused: dict[str, Counter[str]] = {}
    for url, status in zip(urls, statuses, strict=True):
        host = _host(url)
        if host is None:
            continue
        asked[host] += 1
        if status in STATUSES:
            refused.setdefault(host, Counter())[str(status)] += 1
    ordered = sorted((-counts.total(), host) for host, counts in refused.items())
    most = [host for _, host in ordered[:MAX_HOSTS]]
    return {host: {ASKED: asked[host], **dict(sorted(refused[host].items()))} for host in sorted(most)}


def add_refusals(bodies: Iterable[JsonObject]) -> dict[str, Any]:
    """Return, of the shards' stats, images refused by status, and the hosts that refused the most of them.

    `hosts` are those that refused everything asked of them in the shards in which they refused anything.
    """
    by_status: Counter[str] = Counter()
    hosts: dict[str, Counter[str]] = {}
    for body in bodies:
        noted = body.get("refusals")
        if not isinstance(noted, JsonObject):  # stats of an older version
            continue
        for host in noted:
            counts = noted.counts(host)
            hosts.setdefault(host, Counter()).update(counts)
            by_status.update({status: count for status, count in counts.items() if status != ASKED})
    whole = {host: counts for host, counts in hosts.items() if counts.total() == 2 * counts[ASKED]}
    most = [host for _, host in sorted((-counts[ASKED], host) for host, counts in whole.items())[:MAX_TOLD]]
    return {
        "by_status": dict(sorted(by_status.items())),
        "hosts": {host: dict(sorted(whole[host].items())) for host in most},
        "hosts_refusing_all": len(whole),
    }


def refusal_lines(refused: Mapping[str, Any]) -> list[str]:
    """Return what is told at the end of a run: nothing when no host refused all with 403."""
    by_agent = {host: counts[ASKED] for host, counts in refused["hosts"].items() if counts.get("403") == counts[ASKED]}
    if not by_agent:
        return []
    images = sum(by_agent.values())
    told = ", ".join(f"{host} ({count:,})" for host, count in by_agent.items())
    return [
        f"{images:,} images: refused with 403, every one that was asked of {told}",
        "these hosts may not take this --user-agent, or no crawler at all: their owners can be asked, or left alone",
    ]


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None
