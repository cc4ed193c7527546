"""A head that does not answer is gone after a while; one that answers again is not."""

import socket
from collections.abc import Iterator

import pytest

from trainer.workers import head_watch
from trainer.workers.head_watch import HeadWatch


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address(server: socket.socket) -> str:
    return "127.0.0.1:{1}".format(*server.getsockname())


def test_a_head_that_answers_is_there(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_watch, "HEAD_GONE_S", 0.0)
    assert not HeadWatch(address(listener)).is_gone()


def test_one_that_does_not_is_gone_after_a_while(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = HeadWatch(address(listener))
    listener.close()
    assert not watch.is_gone()  # not at once
    monkeypatch.setattr(head_watch, "HEAD_GONE_S", 0.0)
    assert watch.is_gone()


def test_one_that_answers_again_begins_anew(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    place = listener.getsockname()
    watch = HeadWatch("[127.0.0.1]:{1}".format(*place))
    listener.close()
    assert not watch.is_gone()
    with socket.create_server(place):
        assert not watch.is_gone()
    assert watch._gone_since is None
