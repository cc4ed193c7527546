"""img2dataset's error messages as reasons: its status word and message in, a `Failure` out. Pure.

The messages are those of urllib and OpenCV's resizer, in img2dataset 1.47; the first rule that fits counts.
"""

import re

from pipeline.download.fetch.retry import may_heal
from pipeline.download.outcome import Failure
from schemas.sample import STATUS_FAILED_TO_RESIZE

_HTTP_STATUS = re.compile(r"HTTP Error (\d{3})")

_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), Failure(reason, retryable=heals))
    for pattern, reason, heals in (
        (r"infinite loop", "too_many_redirects", False),
        (r"X-Robots-Tag", "opted_out", False),
        (r"temporary failure in name resolution", "dns_failed", True),
        (r"Errno -\d+\]|getaddrinfo|name or service not known", "dns_failed", False),
        (r"timed out", "timed_out", True),
        (r"ssl|certificate", "tls_failed", False),
        (r"IncompleteRead", "body_truncated", True),
        (r"unknown url type|no host given|control characters|nonnumeric port|'ascii' codec|label (empty|too long)",
         "url_invalid", False),
        (r"closed connection|connection reset|urlopen error|broken pipe", "connect_failed", True),
    )
)  # fmt: skip

LOST = Failure("decode_failed")
"""Of an image that img2dataset has no row for: it raised where it did not expect to."""


def failure_of(status: str, message: str) -> Failure:
    """Return why img2dataset has no image. What no rule knows is `answer_malformed`, or `decode_failed`."""
    if status == STATUS_FAILED_TO_RESIZE:
        return Failure("too_many_pixels" if "image area too large" in message else "decode_failed")
    for pattern, failure in _RULES:
        if pattern.search(message):
            return failure
    found = _HTTP_STATUS.search(message)
    if found:
        return Failure("http_error", int(found[1]), may_heal(int(found[1])))
    return Failure("answer_malformed")
