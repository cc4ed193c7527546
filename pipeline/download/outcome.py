"""What can become of an image on its way: bytes, or a reason from the enum with a fixed text."""

from dataclasses import dataclass, field

from schemas.sample import STATUS_FAILED_TO_DOWNLOAD, STATUS_FAILED_TO_RESIZE

TEXTS = {
    "url_invalid": "the URL is malformed or not http(s)",
    "dns_failed": "the host name does not resolve",
    "connect_failed": "no connection to the server",
    "tls_failed": "the TLS handshake or certificate check failed",
    "timed_out": "no whole answer within the deadline",
    "http_error": "the server answered with an error status",
    "answer_malformed": "the server's answer is no HTTP that can be read",
    "too_many_redirects": "more redirects than allowed",
    "private_address": "the address is not public",
    "body_too_large": "the body is larger than allowed",
    "body_truncated": "the body ended early",
    "opted_out": "a machine-readable wish of the publisher forbids the use",
    "removed": "the image was removed before (removals.parquet)",
    "image_missing": "the local image is not where the input said",
    "not_an_image": "the bytes are no image",
    "format_not_allowed": "the image format is not on the list of formats read",
    "image_truncated": "the image data ends early",
    "too_many_pixels": "the image has more pixels than allowed",
    "image_too_small": "the image has a side of fewer pixels than asked for",
    "aspect_ratio_too_large": "the image is longer than allowed for its other side",
    "hash_mismatch": "the bytes do not have the hash that the list states",
    "boxes_malformed": "the boxes to blur are no list of boxes",
    "decontaminated": "the image looks like one of the evaluation set",
    "decode_failed": "the image could not be decoded",
    "decode_timed_out": "decoding took too long and was stopped",
    "decoder_crashed": "the decoder crashed on the image",
}
"""Error messages in outputs: no clock, no text of the operating system."""

_RESIZE_REASONS = frozenset(
    {
        "not_an_image", "format_not_allowed", "image_truncated", "too_many_pixels", "decode_failed",
        "decode_timed_out", "decoder_crashed", "image_too_small", "aspect_ratio_too_large", "decontaminated",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """Why there is no image: `reason` from the enum of `schemas.rejection`; `retryable`: it may heal."""

    reason: str
    http_status: int | None = None
    retryable: bool = False
    retry_after_s: float = 0.0
    original_width: int | None = field(default=None, compare=False)
    original_height: int | None = field(default=None, compare=False)
    """In pixels, where the sizes are the reason; in other respects it is the same failure."""
    phash: str | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        if self.reason == "http_error":
            return f"HTTP status {self.http_status}"
        return TEXTS[self.reason]

    @property
    def status(self) -> str:
        """img2dataset's status word."""
        return STATUS_FAILED_TO_RESIZE if self.reason in _RESIZE_REASONS else STATUS_FAILED_TO_DOWNLOAD


@dataclass(frozen=True)
class Body:
    """The bytes of an image as its server or folder has them."""

    data: bytes
    http_status: int | None


@dataclass(frozen=True)
class Encoded:
    """A finished image: encoded bytes, sizes in pixels, SHA-256 (hex) of the bytes fetched."""

    data: bytes
    width: int
    height: int
    original_width: int
    original_height: int
    sha256: str
    phash: str | None = None
    """Perceptual hash (`content.phash`) of the whole picture as resized, before it is cropped, padded or blurred."""
    exif: str | None = None
    """As JSON, where it was asked for and there is any."""
    further_hash: str | None = None
    """The hash of the fetched bytes that was asked for beside SHA-256, in hex."""
    colours: str | None = None
    """What became of its colour profile, where it has one that matters: ``converted`` or ``ignored``."""


@dataclass(frozen=True)
class Seen:
    """An image that came and is not kept (`--recheck`): SHA-256 of its bytes, None where only its head was read."""

    sha256: str | None


@dataclass(frozen=True)
class ImageReference:
    """Where a local image lies: see `schemas.candidate.IMAGE_REF`."""

    root: str
    member: str
    offset: int | None
    length: int | None
