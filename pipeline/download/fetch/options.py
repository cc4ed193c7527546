"""The options of `pipeline download` that say how servers are asked."""

import re
from dataclasses import dataclass

from schemas.option_group import OptionGroup, check_between
from schemas.run_options import NotIdentity

DEFAULT_USER_AGENT = "WebImageText/0.1 (+https://github.com/webimagetext/webimagetext)"

_USER_AGENT = re.compile(r"[A-Za-z0-9][!-.0-~]*([/ ][ -~]*)?")


@dataclass(frozen=True, kw_only=True)
class FetchOptions(OptionGroup):
    """How images are asked for."""

    timeout_s: float = 10.0
    """Deadline in seconds of one request, over DNS, connect, TLS, redirects, headers and body (img2dataset: 10)."""
    retries: int = 2
    """Further attempts after a failure that may heal: connect errors, time-out, 408, 429, 5xx, a body cut short
    (img2dataset: 0)."""
    max_body_bytes: int = 50 << 20
    """Larger bodies are rejected, as fetched or after content decoding."""
    max_redirects: int = 5
    """Redirects followed per request (browsers: 20; image hosts need one or two)."""
    concurrency: NotIdentity[int] = 64
    """Requests in flight per worker process, besides those in the slow lane (img2dataset: 256 threads)."""
    max_slow_requests: NotIdentity[int] = 512
    """Requests in flight beyond --concurrency, per worker process, to servers that take longer than 0.25 s to answer:
    they cost a socket each and hold up nobody else."""
    max_connections_per_host: NotIdentity[int] = 16
    """Requests in flight to one host, per worker process, at most: it begins with 4, and a host that answers 429, 503
    or not at all gets half as many."""
    max_requests_per_host_s: NotIdentity[float] = 0.0
    """Requests that start per second at one host, per worker process; 0: as many as it answers (img2dataset: no
    limit). A host may wish for fewer."""
    user_agent: NotIdentity[str] = DEFAULT_USER_AGENT
    """Sent with each request: say who you are and how to reach you. A URL or e-mail address of your own must be in it
    when a selection has more than 10,000 rows. The word before the slash is the agent that
    X-Robots-Tag headers may address."""
    allow_private_addresses: bool = False
    """Also fetch from loopback, private, link-local and other addresses that are not public."""
    allow_invalid_certificates: bool = False
    """Also fetch over TLS from servers whose certificate is self-signed, expired or another host's (img2dataset's
    urllib: no). Whoever sits in between can then change the images: for lists whose images are checked by a hash."""

    def _check(self) -> None:
        check_between(
            self,
            timeout_s=(0.001, 3600), retries=(0, 20), max_body_bytes=(1, 1 << 30), max_redirects=(0, 50),
            concurrency=(1, 10_000), max_slow_requests=(1, 10_000), max_connections_per_host=(1, 10_000),
            max_requests_per_host_s=(0, 1e6),
        )  # fmt: skip
        if not _USER_AGENT.fullmatch(self.user_agent):
            raise ValueError(f"user_agent must be printable ASCII that starts with a name, found {self.user_agent!r}")

    @property
    def agent_token(self) -> str:
        """The name by which an X-Robots-Tag header addresses this agent, in lower case."""
        return re.split(r"[/ ]", self.user_agent, maxsplit=1)[0].lower()
