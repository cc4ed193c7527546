"""The demo's web server: every kind of answer is what it says, over real sockets."""

import http.client
import io
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.demo.server import Server, serving
from tests.demo.world import FAILURES, World
from tests.support.waiting import PATIENCE_S, wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(World(num_images=20, num_failing=2, port=0)) as running:
        yield running


def url_of(server: Server, kind: str) -> str:
    world = server.world
    number = 1 if kind == "images" else world.num_images + FAILURES.index(kind) * world.num_failing
    return f"http://127.0.0.1:{world.port}{world.path(number)}"


def get(url: str) -> tuple[bytes, http.client.HTTPMessage]:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return answer.read(), answer.headers


def test_pictures_come_as_the_world_draws_them(server: Server) -> None:
    data, headers = get(url_of(server, "images"))
    assert data == server.world.picture(1)
    assert headers["Content-Type"] == "image/jpeg"


def test_gone_is_404(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(url_of(server, "gone"))


@pytest.mark.parametrize("path", ["/images/999999.jpg", "/images/000001.png", "/images/x.jpg", "/gone/000001.jpg"])
def test_paths_outside_the_world_are_404(server: Server, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"http://127.0.0.1:{server.world.port}{path}")


def test_slow_holds_a_request_until_its_client_goes(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.world.port)) as client:
        path = "/" + url_of(server, "slow").split("/", 3)[3]
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        wait_until(lambda: server.counts()["waiting"] == 1, "a request that waits")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert server.counts()["waiting"] == 1
    wait_until(lambda: server.counts()["waiting"] == 0, "the end of a request whose client is gone")


def test_truncated_ends_before_its_length(server: Server) -> None:
    with pytest.raises(http.client.IncompleteRead) as caught:
        get(url_of(server, "truncated"))
    assert 0 < len(caught.value.partial) < caught.value.expected + len(caught.value.partial)


def test_html_is_a_page_with_status_200(server: Server) -> None:
    data, headers = get(url_of(server, "html"))
    assert headers.get_content_type() == "text/html"
    assert b"<!doctype html>" in data


def test_the_bomb_is_small_and_has_10_000_x_10_000_pixels(server: Server) -> None:
    data, _ = get(url_of(server, "bomb"))
    assert len(data) < 100_000
    assert (
        int.from_bytes(data[16:20], "big") == int.from_bytes(data[20:24], "big") == 10_000
    )  # PNG header: width, height


def test_noai_is_a_picture_with_the_header(server: Server) -> None:
    data, headers = get(url_of(server, "noai"))
    assert headers["X-Robots-Tag"] == "noai"
    assert Image.open(io.BytesIO(data)).size


def test_requests_are_counted(server: Server) -> None:
    path = server.world.path(7)
    before = server.counts()["paths"].get(path, 0)
    for _ in range(3):
        get(f"http://127.0.0.1:{server.world.port}{path}")
    assert server.counts()["paths"][path] == before + 3


def test_a_taken_port_is_refused_with_its_number(server: Server) -> None:
    with pytest.raises(RuntimeError, match=f"port {server.world.port} is taken"), serving(server.world):
        pass
