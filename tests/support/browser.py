"""Headless Chromium of the system, for tests of pages: skipped, with the reason, where there is none."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.waiting import PATIENCE_S

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_browser() -> Iterator[Any]:
    """Give a playwright Browser, whose waits are as patient as all others."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("no Chromium (Debian: apt install chromium)")
    driver = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    driver.expect.set_options(timeout=1000 * PATIENCE_S)
    arguments = ["--disable-dev-shm-usage"]
    if os.geteuid() == 0:  # Chromium's sandbox refuses root
        arguments.append("--no-sandbox")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments, timeout=1000 * PATIENCE_S)
        try:
            yield browser
        finally:
            browser.close()
