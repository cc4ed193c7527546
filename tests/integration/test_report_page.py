"""The page of `pipeline report` in headless Chromium: quiet, filtered by keyboard, by the rules of axe-core."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.__main__ import main
from tests.support.browser import open_browser
from tests.support.download import serving
from tests.support.finished_run import GONE_HOST, finished_run

SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    root: Path = tmp_path_factory.mktemp("reported")
    with serving() as web:
        finished_run(root, web)
    main(["report", str(root / "run")])
    return (root / "run" / "report.html").as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_whole_quiet_and_readable(browser: Any, address: str, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python").Axe()
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        page = context.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        assert [url for url in asked if not url.startswith(("data:", address))] == []
        assert said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = [rule for rule in axe.run(page).response["violations"] if rule["impact"] in SERIOUS]
        assert found == []
    finally:
        context.close()


def test_the_pictures_are_filtered_by_keyboard(browser: Any, address: str) -> None:
    page = browser.new_page()
    try:
        page.goto(address)
        cards = page.locator("#gallery li")
        total = cards.count()
        domain = page.locator("#filter select[name=domain]")
        domain.focus()
        page.keyboard.type(GONE_HOST)
        page.keyboard.press("Enter")
        wanted = domain.input_value()
        assert wanted
        of_host = page.locator(f'#gallery li[data-domain="{wanted}"]').count()
        assert 0 < of_host < total
        assert page.locator("#gallery li:visible").count() == of_host
        assert page.locator("#shown").text_content() == f"{of_host} of {total} pictures"
        page.locator("#filter button[type=reset]").click()
        page.wait_for_function("() => !document.querySelector('#gallery li[hidden]')")
        assert page.locator("#gallery li:visible").count() == total
    finally:
        page.close()
