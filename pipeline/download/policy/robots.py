"""robots.txt, and ai.txt of the same form: the bytes in; what they say to this agent and to crawlers for AI out.

Groups are read here (RFC 9309, 2.2.1): protego does not give those of its lines that are newer than it, and keeps every
rule once for each agent named above it, which a hostile file makes quadratic. It is handed the rules of one agent,
and matches them. Nothing raises, whatever the bytes are.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from protego import Protego

from pipeline.download.policy.paths import normal_path

MAX_ROBOTS_BYTES = 500 << 10
"""What stands behind them is not read (RFC 9309, 2.5)."""
MAX_LINES = 10_000
"""Of one agent: more are not held against each image, the file is unreadable."""
MAX_LICENSES = 4
ALL = "*"

_LINE = re.compile(r"[\r\n]+")
_PRODUCT = re.compile(r"[^\s/]+")
_RULES = ("allow", "disallow")
_OF_GROUP = (*_RULES, "crawl-delay", "content-usage", "content-signal")


@dataclass
class Group:
    """The lines that are said to one agent, wherever they stand."""

    rules: list[str] = field(default_factory=list)
    """As protego reads them."""
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    """Of content-usage and content-signal: name, path, value."""
    crawl_delay_s: float = 0.0


@dataclass(frozen=True)
class Robots:
    """What a file says."""

    ours: Protego | None
    """The rules for this agent; None without any."""
    crawlers: tuple[tuple[str, Protego], ...]
    """The rules for each crawler for AI that the file names."""
    lines: tuple[tuple[str, str, str], ...] = ()
    """The newer lines for this agent: name in lower case, normal path, value as it stands."""
    licenses: tuple[str, ...] = ()
    """Addresses of terms (RSL): of the file as a whole, as sitemaps are."""
    crawl_delay_s: float = 0.0
    is_unreadable: bool = False
    size: int = 0
    """Bytes that are about held in memory for it."""

    @property
    def says_nothing(self) -> bool:
        return not (self.ours or self.crawlers or self.lines or self.licenses or self.is_unreadable)


NO_ROBOTS = Robots(None, ())


def read_robots(data: bytes, agent: str, crawlers: Collection[str] = (), rooted: bool = False) -> Robots:
    """Return what a file says to `agent`, or to all where it does not name it, and to `crawlers` (lower case).

    `rooted`: patterns that begin neither with ``/`` nor with ``*`` are of the root (ai.txt).
    """
    text = data[:MAX_ROBOTS_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    groups, licenses = _groups(text, {agent, ALL, *crawlers}, rooted)
    ours = groups.get(agent, groups.get(ALL, Group()))
    if any(len(group.rules) + len(group.lines) > MAX_LINES for group in groups.values()):
        return Robots(None, (), is_unreadable=True)
    held = [(crawler, _protego(groups[crawler])) for crawler in crawlers if crawler in groups]
    kept = 200 * sum(len(group.rules) + len(group.lines) for group in groups.values())
    return Robots(
        _protego(ours), tuple((crawler, rules) for crawler, rules in held if rules is not None), tuple(ours.lines),
        tuple(licenses), ours.crawl_delay_s, size=kept + min(len(text), kept),
    )  # fmt: skip


def _groups(text: str, wanted: Collection[str], rooted: bool) -> tuple[dict[str, Group], list[str]]:
    groups: dict[str, Group] = {}
    licenses: list[str] = []
    named: set[str] = set()
    """The wanted agents that the lines now read are said to."""
    is_naming = False
    for line in _LINE.split(text):
        name, colon, value = line.partition("#")[0].partition(":")
        name, value = name.strip().lower(), " ".join(value.split())
        if not colon:
            continue
        if name in ("user-agent", "useragent", "user agent"):
            named = named if is_naming else set()
            is_naming = True
            product = _PRODUCT.match(value)
            if product and product[0].lower() in wanted:
                named.add(product[0].lower())
                groups.setdefault(product[0].lower(), Group())
        elif name == "license":
            if value and len(licenses) < MAX_LICENSES and value not in licenses:
                licenses.append(value)
        elif name in _OF_GROUP:
            is_naming = False
            for agent in named:
                _add(groups[agent], name, value, rooted)
    return groups, licenses


def _add(group: Group, name: str, value: str, rooted: bool) -> None:
    if len(group.rules) + len(group.lines) > MAX_LINES:
        return
    if name in _RULES:
        if rooted and value and value[0] not in "/*":
            value = f"/{value}"
        if value:
            group.rules.append(f"{name}: {value}")
    elif name == "crawl-delay":
        group.crawl_delay_s = max(group.crawl_delay_s, _seconds(value))
    else:
        path, _, rest = value.partition(" ") if value.startswith("/") else ("/", "", value)
        group.lines.append((name, normal_path(path), rest.strip()))


def _seconds(value: str) -> float:
    try:
        seconds = float(value[:20])
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < 1e9 else 0.0


def _protego(group: Group) -> Protego | None:
    return Protego.parse("\n".join(["User-agent: *", *group.rules])) if group.rules else None


def is_disallowed(rules: Protego, path: str) -> bool:
    """Tell whether the rules keep crawlers off a path with its query."""
    can_fetch: Callable[[str, str], bool] = rules.can_fetch
    return not can_fetch(f"http://site{path}", "agent")
