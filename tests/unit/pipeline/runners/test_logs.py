"""Of what runners log, errors alone are shown, and no traces."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from pipeline.runners.logs import ignore_hang_up, show_only_errors


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = before


@pytest.mark.parametrize("with_traces", [False, True])
def test_warnings_stay_away_and_traces_unless_asked_for(with_traces: bool, capsys: pytest.CaptureFixture[str]) -> None:
    show_only_errors(with_traces)
    logging.getLogger("anything").warning("a warning")
    logging.getLogger("anything").error("an error \x1b[31m")
    logging.getLogger("apache_beam.runners.portability").error("a trace")
    said = capsys.readouterr().err
    assert "a warning" not in said
    assert "an error" in said
    assert "\x1b" not in said
    assert ("a trace" in said) == with_traces


class HungUp(Exception):
    """As grpc raises it."""


def test_a_thread_whose_channel_hangs_up_ends_quietly_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    def seen(error: BaseException) -> str:
        try:
            raise error
        except BaseException:
            kind, value, trace = sys.exc_info()
        ignore_hang_up(threading.ExceptHookArgs((kind, value, trace, threading.main_thread())))
        return capsys.readouterr().err

    HungUp.__module__ = "grpc._channel"
    assert seen(HungUp("gone")) == ""
    assert seen(RuntimeError("the Multiplexer is closed")) == ""
    assert "ValueError: mine" in seen(ValueError("mine"))
