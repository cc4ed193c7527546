"""Every reason of the download has its fixed text and img2dataset's status word."""

import pytest

from pipeline.download.outcome import TEXTS, Failure
from schemas.rejection import REASONS
from schemas.sample import STATUS_FAILED_TO_DOWNLOAD, STATUS_FAILED_TO_RESIZE


def test_each_reason_has_a_text_and_each_text_a_reason() -> None:
    assert sorted(TEXTS) == sorted(REASONS["download"])


@pytest.mark.parametrize("reason", TEXTS)
def test_a_reason_has_a_text_and_a_status(reason: str) -> None:
    failure = Failure(reason, http_status=404)
    assert failure.text == ("HTTP status 404" if reason == "http_error" else TEXTS[reason])
    assert failure.status in (STATUS_FAILED_TO_DOWNLOAD, STATUS_FAILED_TO_RESIZE)


def test_what_is_wrong_with_the_bytes_is_told_as_img2dataset_tells_it() -> None:
    fetched = ["not_an_image", "image_truncated", "decode_failed", "decoder_crashed", "too_many_pixels"]
    assert {Failure(reason).status for reason in fetched} == {STATUS_FAILED_TO_RESIZE}
    not_fetched = ["dns_failed", "body_truncated", "image_missing", "opted_out", "url_invalid"]
    assert {Failure(reason).status for reason in not_fetched} == {STATUS_FAILED_TO_DOWNLOAD}
