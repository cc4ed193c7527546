"""The page of `trainer search --serve` in headless Chromium: by keyboard alone, by images, wrong; axe-core's rules.

The server, the index and the browser are real; nothing is waited for by the clock.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from tests.support.browser import open_browser
from tests.support.served_page import (
    HOSTILE,
    HOSTILE_CAPTION,
    drawn_caption,
    drawn_png,
    drawn_query,
    make_page_index,
    serve_page,
)
from tests.support.waiting import PATIENCE_S

pytest.importorskip("fastapi", reason="pip install 'webimagetext[search-page]'")
pytest.importorskip("uvicorn", reason="pip install 'webimagetext[search-page]'")
api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
expect = api.expect

NUM_ROWS, SHOWN = 60, 24
WIDE, NARROW = (1280, 900), (360, 740)
GIVE = """([data, name, kind]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: "image/png" }));
  const event = kind === "paste" ? new ClipboardEvent(kind, { clipboardData: carried, bubbles: true })
    : new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""
"""What the system does when a file is dropped or pasted."""
FOCUSED = """() => {
  const focused = document.activeElement;
  const style = getComputedStyle(focused);
  return [focused.id || focused.className, style.outlineStyle, parseFloat(style.outlineWidth)];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("page")
    with serve_page(root / "model", make_page_index(root, NUM_ROWS)) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@contextmanager
def opened(
    browser: Any, address: str, size: tuple[int, int] = WIDE, scheme: str = "light", path: str = "/"
) -> Iterator[Any]:
    """Give the page, open; at the end nothing may have been asked of elsewhere, and no script have failed."""
    with ExitStack() as stack:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        asked: list[str] = []
        failed: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(address + path)
        expect(page.locator("#about")).to_have_text(f"{NUM_ROWS} images")
        yield page
        assert [url for url in asked if not url.startswith((address, "blob:" + address))] == []
        assert failed == []


def rows_of(address: str, **asked: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{address}/search", params=asked, timeout=PATIENCE_S).json()  # type: ignore[arg-type]
    return found


def type_text(page: Any, text: str) -> None:
    page.locator("#text").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text(f"{SHOWN} results for “{text}”")


def test_a_typed_text_and_enter_show_what_the_server_finds(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        page.keyboard.type("a red circle")  # the box has the focus
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_have_text(f"{SHOWN} results for “a red circle”")
        cards = page.locator("#found li")
        found = rows_of(address, text="a red circle", num=SHOWN)
        for place, row in enumerate(found):
            assert cards.nth(place).locator(".caption").text_content() == row["caption"] == drawn_caption(row["row"])
            assert cards.nth(place).locator(".told").all_text_contents() == [
                f"score {row['score']:.3f}", f"collected for “{drawn_query(row['row'])}”", f"id {row['id']}",
            ]  # fmt: skip
        picture = cards.first.locator("img")
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") == 48
        page.reload()
        expect(cards).to_have_count(SHOWN)
        assert page.title().startswith("a red circle")
        page.go_back()
        expect(page.locator("#results")).to_be_hidden()
        expect(page.locator("#text")).to_have_value("")


def test_more_rows_keep_those_that_are_shown(browser: Any, address: str) -> None:
    with opened(browser, address, path="/?text=a+blue+cross") as page:
        cards = page.locator("#found li")
        for wanted in (2 * SHOWN, NUM_ROWS):
            expect(page.locator("#more")).to_be_visible()
            page.locator("#more").click()
            expect(cards).to_have_count(wanted)
        expect(page.locator("#more")).to_be_hidden()
        told = [row["id"] for row in rows_of(address, text="a blue cross", num=NUM_ROWS)]
        assert [one.removeprefix("id ") for one in page.locator("#found .told:last-child").all_text_contents()] == told


def test_all_can_be_done_by_keyboard_and_the_focus_is_seen(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        page.keyboard.type("a red circle")
        page.keyboard.press("Enter")
        expect(page.locator("#found li")).to_have_count(SHOWN)
        page.locator("#text").focus()
        order = [page.evaluate(FOCUSED)]
        for _ in range(3 + SHOWN):
            page.keyboard.press("Tab")
            order.append(page.evaluate(FOCUSED))
        assert [name for name, _, _ in order] == ["text", "first", "image", *["like"] * SHOWN, "more"]
        assert all(style == "solid" and width >= 2 for _, style, width in order), order
        page.keyboard.press("Shift+Tab")
        last = rows_of(address, text="a red circle", num=SHOWN)[-1]
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_have_text(f"{SHOWN} results like “{last['caption']}”")
        assert page.locator("#found li .told:last-child").first.text_content() == f"id {last['id']}"
        page.go_back()
        expect(page.locator("#status")).to_have_text(f"{SHOWN} results for “a red circle”")


@pytest.mark.parametrize("way", ["choose", "drop", "paste"])
def test_an_image_finds_itself(browser: Any, address: str, way: str) -> None:
    with opened(browser, address, path="/?text=a+green+square") as page:
        expect(page.locator("#found li")).to_have_count(SHOWN)
        if way == "choose":
            page.locator("#image").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": drawn_png(17)})
        else:
            page.evaluate(GIVE, [base64.b64encode(drawn_png(17)).decode(), "x.png", way])
        expect(page.locator("#status")).to_have_text(f"{SHOWN} results for the image x.png")
        assert page.locator("#found li .told:last-child").first.text_content() == "id 000017"
        expect(page.locator("#text")).to_have_value("")
        expect(page.locator("#asked")).to_have_js_property("naturalWidth", 48)


def test_what_is_wrong_is_announced_and_the_next_search_works(browser: Any, address: str) -> None:
    with opened(browser, address) as page:
        status = page.get_by_role("status")
        assert status.get_attribute("aria-live") == "polite"
        type_text(page, "a red circle")
        page.locator("#image").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no image"})
        expect(status).to_have_text("Not searched: the image does not decode")
        expect(page.locator("#results")).to_be_hidden()
        page.goto(f"{address}/?like={NUM_ROWS}")
        expect(status).to_have_text(f"Not searched: there is no row {NUM_ROWS}: the index has {NUM_ROWS}, from 0 on")
        page.context.set_offline(True)
        page.locator("#text").fill("a red circle")
        page.keyboard.press("Enter")
        expect(status).to_contain_text("is trainer search --serve still running?")
        page.context.set_offline(False)
        type_text(page, "a red circle")


def test_captions_of_strangers_stay_text(browser: Any, address: str) -> None:
    with opened(browser, address, path=f"/?like={HOSTILE}") as page:
        card = page.locator("#found li").first
        expect(card.locator(".caption")).to_have_text(HOSTILE_CAPTION)
        assert page.locator("#found b, #found script").count() == 0
        assert card.locator("img").get_attribute("alt") == HOSTILE_CAPTION
        page.evaluate("""() => {
          const own = document.createElement("script");
          own.textContent = "document.title = 'taken'";
          document.body.append(own);
        }""")
        assert page.title() != "taken", "the page's policy lets no script run but its own file"


def test_a_narrow_window_shows_two_columns_and_never_scrolls_sideways(browser: Any, address: str) -> None:
    with opened(browser, address, NARROW, path=f"/?like={HOSTILE}") as page:
        cards = page.locator("#found li")
        expect(cards).to_have_count(SHOWN)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
        boxes = [cards.nth(place).bounding_box() for place in range(3)]
        assert boxes[0]["y"] == boxes[1]["y"] < boxes[2]["y"]
        for name in ("#text", ".first", "#image"):
            box = page.locator(name).bounding_box()
            assert 0 <= box["x"] < box["x"] + box["width"] <= NARROW[0]


@pytest.fixture(scope="module")
def axe() -> Any:
    return pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    ).Axe()


def broken_rules(axe: Any, page: Any) -> list[tuple[str, str]]:
    """Return (rule, element) of all that axe-core finds wrong, its advice included."""
    found = axe.run(page).response["violations"]
    return [(one["id"], json.dumps(node["target"])) for one in found for node in one["nodes"]]


@pytest.mark.parametrize(
    ("scheme", "size"),
    [
        pytest.param("light", WIDE, id="light-wide"),
        pytest.param("dark", NARROW, id="dark-narrow"),
        pytest.param("dark", WIDE, id="dark-wide", marks=pytest.mark.slow),
        pytest.param("light", NARROW, id="light-narrow", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_wrong_in_any_state(
    browser: Any, address: str, axe: Any, scheme: str, size: tuple[int, int]
) -> None:
    with opened(browser, address, size, scheme) as page:
        assert broken_rules(axe, page) == []
        type_text(page, "a red circle")
        assert broken_rules(axe, page) == []
        page.locator("#found a").nth(1).focus()
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_contain_text(f"{SHOWN} results like")
        assert broken_rules(axe, page) == []
        page.goto(f"{address}/?like={NUM_ROWS}")
        expect(page.locator(".wrong")).to_be_visible()
        assert broken_rules(axe, page) == []


def test_axe_sees_what_is_wrong(browser: Any, address: str, axe: Any) -> None:
    with opened(browser, address) as page:
        page.evaluate("""() => {
          document.querySelector("label[for=text]").remove();
          document.getElementById("text").removeAttribute("placeholder");
          document.getElementById("about").style.color = "#bbb";
        }""")
        assert {rule for rule, _ in broken_rules(axe, page)} >= {"label", "color-contrast"}
