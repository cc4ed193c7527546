"""The local page, by a real server: rows, pictures, limits, headers; other hosts are refused."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest

from tests.support.served_page import serve_page
from tests.support.small_index import make_index
from tests.support.small_shards import picture, write_shards
from tests.support.waiting import PATIENCE_S
from trainer.search import server

pytest.importorskip("fastapi", reason="pip install 'webimagetext[search-page]'")
pytest.importorskip("uvicorn", reason="pip install 'webimagetext[search-page]'")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    root = tmp_path_factory.mktemp("page")
    index = make_index(root, shards=str(write_shards(root / "shards", 30)))
    with serve_page(root / "model", index) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as asking:
        yield asking


def test_the_page_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    for path in server.PAGE_FILES:
        answer = client.get(path)
        assert answer.status_code == 200
        elsewhere = re.findall(r"(?:https?:|[\"'(])//[^\s\"')]+", answer.text)
        assert elsewhere in ([], ["http://www.w3.org/2000/svg"]), "a namespace is a name alone"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404


def test_an_image_finds_itself_and_its_picture_is_shown(client: httpx.Client) -> None:
    found = client.post("/search?num=3", content=picture(17)).json()
    assert found[0]["id"] == "000017"
    shown = client.get(f"/pictures/{found[0]['row']}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.content.startswith(b"\xff\xd8\xff")


def test_a_text_finds_rows_best_first(client: httpx.Client) -> None:
    found = client.get("/search", params={"text": "a red picture", "num": 5}).json()
    assert len(found) == 5
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    assert set(found[0]) == {"row", "score", "id", "caption", "query"}


def test_a_row_finds_itself_and_what_its_image_finds(client: httpx.Client) -> None:
    found = client.get("/search", params={"like": 17, "num": 5}).json()
    assert (found[0]["row"], round(found[0]["score"], 6)) == (17, 1)
    by_image = client.post("/search?num=5", content=picture(17)).json()
    assert [one["row"] for one in found] == [one["row"] for one in by_image]


def test_the_page_can_say_what_it_searches(client: httpx.Client) -> None:
    assert client.get("/index").json() == {"rows": 30, "of": "images"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/search?text=%20", b"", 422),
        ("GET", "/search?text=a&num=0", b"", 422),
        ("GET", f"/search?text={'a' * 1001}", b"", 422),
        ("POST", "/search", b"no picture", 422),
        ("POST", "/search", b"", 422),
        ("POST", "/search", bytes(server.MAX_UPLOAD_BYTES + 1), 413),
        ("GET", "/search?like=30", b"", 404),
        ("GET", "/search?like=-1", b"", 404),
        ("GET", "/search?like=x", b"", 422),
        ("GET", "/pictures/30", b"", 404),
        ("GET", "/pictures/-1", b"", 404),
        ("GET", "/../etc/passwd", b"", 404),
    ],
    ids=[
        "blank",
        "num",
        "long",
        "no-picture",
        "empty",
        "too-large",
        "like-beyond",
        "like-negative",
        "like-text",
        "beyond",
        "negative",
        "outside",
    ],
)
def test_what_cannot_be_asked_is_refused(
    client: httpx.Client, method: str, path: str, body: bytes, status: int
) -> None:
    assert client.request(method, path, content=body).status_code == status


def test_another_name_of_this_machine_is_refused(client: httpx.Client) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


class Elements(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_a_screen_reader_has_what_it_needs(client: httpx.Client) -> None:
    page = Elements(client.get("/").text)
    assert page.all("html")[0]["lang"] == "en"
    labelled = {label["for"] for label in page.all("label")}
    assert [one["id"] for one in page.all("input") if one["id"] not in labelled] == []
    assert all("alt" in image for image in page.all("img"))
    assert len(page.all("main")) == len(page.all("h1")) == 1
    assert any(one.get("role") == "status" and one.get("aria-live") == "polite" for one in page.all("p"))
    assert page.all("section")[0]["aria-labelledby"] in {one.get("id") for one in page.all("h2")}
