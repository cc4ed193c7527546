"""img2dataset's messages, as img2dataset 1.47 wrote them against real servers, each with its reason."""

import pytest

from pipeline.download.peer.messages import failure_of
from schemas.rejection import REASONS

DOWNLOAD, RESIZE = "failed_to_download", "failed_to_resize"


@pytest.mark.parametrize(
    ("status", "message", "reason", "retryable"),
    [
        (DOWNLOAD, "HTTP Error 404: Not Found", "http_error", False),
        (DOWNLOAD, "HTTP Error 503: Service Unavailable", "http_error", True),
        (DOWNLOAD, "HTTP Error 302: The HTTP server returned a redirect error that would lead to an infinite loop.",
         "too_many_redirects", False),
        (DOWNLOAD, "Use of image disallowed by X-Robots-Tag directive", "opted_out", False),
        (DOWNLOAD, "Remote end closed connection without response", "connect_failed", True),
        (DOWNLOAD, "IncompleteRead(500 bytes read, 99500 more expected)", "body_truncated", True),
        (DOWNLOAD, "<urlopen error [Errno -2] Name or service not known>", "dns_failed", False),
        (DOWNLOAD, "<urlopen error [Errno -3] Temporary failure in name resolution>", "dns_failed", True),
        (DOWNLOAD, "<urlopen error [Errno 111] Connection refused>", "connect_failed", True),
        (DOWNLOAD, "<urlopen error timed out>", "timed_out", True),
        (DOWNLOAD, "The read operation timed out", "timed_out", True),
        (DOWNLOAD, "unknown url type: 'abc'", "url_invalid", False),
        (DOWNLOAD, "<urlopen error [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed>", "tls_failed", False),
        (DOWNLOAD, "something new", "answer_malformed", False),
        (RESIZE, "Image decoding error", "decode_failed", False),
        (RESIZE, "image area too large", "too_many_pixels", False),
        (RESIZE, "a message with 'timed out' of another library", "decode_failed", False),
    ],
    ids=lambda value: value.split(":")[0][:40].strip() if isinstance(value, str) else str(value),
)  # fmt: skip
def test_a_message_has_its_reason(status: str, message: str, reason: str, retryable: bool) -> None:
    failure = failure_of(status, message)
    assert (failure.reason, failure.retryable, failure.status) == (reason, retryable, status)
    assert reason in REASONS["download"]
    assert failure.http_status == (int(message[11:14]) if reason == "http_error" else None)
