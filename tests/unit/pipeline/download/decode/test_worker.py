"""The protocol of a decode process: an answer for each image, in order, until the input ends."""

import io
import json

import pytest

from pipeline.download.decode.worker import IN_HEADER, OUT_HEADER, READ_MANIFEST, _serve
from pipeline.download.outcome import Encoded, Failure


def decode(data: bytes, arguments: bytes) -> Encoded | Failure:
    if data.startswith(b"bad"):
        return Failure("not_an_image")
    return Encoded(data.upper(), len(data), 2, 3, 4, "ab")


def asked(*images: bytes) -> bytes:
    return b"".join(IN_HEADER.pack(len(image), 0) + image for image in images)


def served(data: bytes) -> list[tuple[dict[str, object], bytes]]:
    sink = io.BytesIO()
    _serve(io.BytesIO(data), sink, decode)
    sink.seek(0)
    answers = []
    while header := sink.read(OUT_HEADER.size):
        size, body_size = OUT_HEADER.unpack(header)
        answers.append((json.loads(sink.read(size)), sink.read(body_size)))
    return answers


def test_each_image_has_its_answer_in_order() -> None:
    found = served(asked(b"one", b"bad", b""))
    size = {"height": 2, "original_width": 3, "original_height": 4, "sha256": "ab"}
    assert found == [({"width": 3, **size}, b"ONE"), ({"reason": "not_an_image"}, b""), ({"width": 0, **size}, b"")]


def test_a_manifest_is_read_between_images() -> None:
    found = served(asked(b"one") + IN_HEADER.pack(5, READ_MANIFEST) + b"no C2" + asked(b"bad"))
    unreadable = {"signals": [["image", "training-mining", "unreadable", ""]]}
    assert [body for _, body in found] == [b"ONE", b"", b""]
    assert [fields for fields, _ in found[1:]] == [unreadable, {"reason": "not_an_image"}]


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_an_input_that_ends_in_an_image_gives_no_answer_for_it(cut: int) -> None:
    """The launcher is gone."""
    assert len(served(asked(b"one", b"two")[:-cut])) == 1


def test_no_input_is_no_answer() -> None:
    assert served(b"") == []
