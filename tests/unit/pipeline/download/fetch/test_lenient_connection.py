"""Answers of real hosts, as odd as they come: what browsers, curl and urllib take is taken, the rest has a true reason
and is not asked for again."""

import asyncio
from collections.abc import Iterator

import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch.request import fetch, open_session, parse_url
from pipeline.download.outcome import Body, Failure
from tests.support.odd_answers import FAILURES, GOOD, MALFORMED, PICTURE, answer, chunked, in_chunks
from tests.support.raw_server import RawServer, raw_server


@pytest.fixture(scope="module", params=[False, True], ids=["at once", "in pieces"])
def server(request: pytest.FixtureRequest) -> Iterator[RawServer]:
    answers = GOOD | MALFORMED | {name: given for name, (given, _) in FAILURES.items()}
    with raw_server(answers, in_pieces=request.param) as found:
        yield found


def get(*urls: str, **options: object) -> list[Body | Failure]:
    """Ask for `urls` one after the other in one session."""
    values: dict[str, object] = {"timeout_s": 60.0, "allow_private_addresses": True, "max_body_bytes": 1 << 20}
    config = DownloadConfig(selection="s", output="o", **(values | options))  # type: ignore[arg-type]

    async def run() -> list[Body | Failure]:
        async with open_session(config) as session:
            return [await fetch(session, parse_url(url), config) for url in urls]

    return asyncio.run(run())


@pytest.mark.parametrize("name", GOOD)
def test_what_others_take_is_taken_at_the_first_request(server: RawServer, name: str) -> None:
    before = server.requests[name]
    (found,) = get(server.url(name))
    assert isinstance(found, Body), found
    assert found.data == PICTURE
    assert server.requests[name] == before + 1


@pytest.mark.parametrize("name", MALFORMED)
def test_what_nobody_can_read_is_malformed_and_not_asked_for_again(server: RawServer, name: str) -> None:
    before = server.requests[name]
    assert get(server.url(name)) == [Failure("answer_malformed")]
    assert server.requests[name] == before + 1


@pytest.mark.parametrize("name", FAILURES)
def test_true_reasons(server: RawServer, name: str) -> None:
    assert get(server.url(name)) == [FAILURES[name][1]]


def test_odd_answers_on_a_connection_that_is_kept_do_not_harm_the_next_ones() -> None:
    """Bytes behind a body are none of the next answer's, whenever they come."""
    answers = {
        "a": answer() + b"surplus", "b": answer() + answer(body=b"forged"), "c": chunked(in_chunks(PICTURE) + b"more"),
        "d": answer(), "e": b"HTTP/1.1 204 No Content\r\n\r\nbody of none",
    }  # fmt: skip
    with raw_server(answers, keeps=True) as server:
        found = get(*[server.url(name) for name in "abcdeddad"])
        assert [getattr(one, "data", None) == PICTURE for one in found] == [True] * 4 + [False] + [True] * 4
        assert server.requests.total() == 9
        assert server.connections < 9


def redirect(target: bytes, status: bytes = b"302 Found") -> bytes:
    return answer(b"Location: " + target + b"\r\n", b"", status)


@pytest.mark.parametrize("keeps", [False, True], ids=["closes after each answer", "keeps connections"])
def test_as_many_redirects_as_are_allowed_and_not_one_more(keeps: bool) -> None:
    """Also from a server that closes after each answer and does not say so: then all have connections of their own."""
    answers = {str(number): redirect(b"/%d" % (number - 1)) for number in range(1, 9)} | {"0": answer()}
    answers["loop"] = redirect(b"/loop")
    for allowed in (0, 1, 2, 5):
        with raw_server(answers, keeps) as server:
            found = get(*[server.url(str(number)) for number in (allowed, allowed + 1)], max_redirects=allowed)
            assert found == [Body(PICTURE, 200), Failure("too_many_redirects")]
            assert server.requests.total() == 2 * (allowed + 1)
            assert get(server.url("loop"), max_redirects=allowed) == [Failure("too_many_redirects")]
            assert server.requests["loop"] == allowed + 1


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_every_redirect_is_followed(status: int) -> None:
    with raw_server({"from": redirect(b"/to", b"%d x" % status), "to": answer()}) as server:
        assert get(server.url("from")) == [Body(PICTURE, 200)]


TARGETS = {
    b"/deep/a b.jpg": b"/deep/a%20b.jpg",
    b"/deep/a%20b.jpg": b"/deep/a%20b.jpg",
    "/b\u00fccher.jpg".encode(): b"/b%C3%BCcher.jpg",
    b"/caf\xe9.jpg": b"/caf%E9.jpg",
    b"other.jpg": b"/way/other.jpg",
    b"../up.jpg": b"/up.jpg",
    b"?size=1": b"/way/from?size=1",
    b"/sig?n=%2B%2f+~%7E|": b"/sig?n=%2B%2f+~%7E|",
    b"/page.jpg#part": b"/page.jpg",
    b"  /spaced.jpg  ": b"/spaced.jpg",
    b"//127.0.0.1:PORT/host.jpg": b"/host.jpg",
    b"http://127.0.0.1:PORT": b"/",
    b"HTTP://127.0.0.1:PORT/case.jpg": b"/case.jpg",
}


@pytest.mark.parametrize("location", TARGETS, ids=[repr(target) for target in TARGETS])
def test_where_a_redirect_leads(location: bytes) -> None:
    with raw_server({}) as server:
        server.answers = {"way/from": redirect(location.replace(b"PORT", b"%d" % server.port))}
        assert get(server.url("way/from")) == [Failure("http_error", 404)]
        assert server.targets[1:] == [TARGETS[location]]


NO_ADDRESSES = (b"ftp://127.0.0.1/a", b"http://[::1/", b"mailto:a@b.example", b"http://\xff.example/")


@pytest.mark.parametrize("location", NO_ADDRESSES, ids=repr)
def test_a_redirect_that_is_no_address_of_the_web(location: bytes) -> None:
    with raw_server({"from": redirect(location)}) as server:
        assert get(server.url("from")) == [Failure("url_invalid")]
