"""A real MediaWiki on this machine: Debian's package, SQLite, PHP's own web server, pages of a real dump.

    with serving_mediawiki(folder, dump) as wiki:
        ...                        # http://127.0.0.1:PORT/w/api.php
        wiki.requests()            # what was asked so far, in order

In: the dump sample and a few made pages (categories that hold the sample's own, a circle, redirects, many small
pages, titles in another script). Out: the address. Nothing is written outside `folder`.
"""

import bz2
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from tests.demo.free_ports import free_ports

INSTALL_PATHS = ("/usr/share/mediawiki", "/usr/local/share/mediawiki")
PHP_MODULES = {"pdo_sqlite", "mbstring", "xml", "intl"}
START_DEADLINE_S = 300.0
ROUTER = Path(__file__).with_name("mediawiki_router.php")
TOPIC = re.compile(rb"\[\[Category:(Republics|Countries in Europe|Landlocked countries|Member states of the United N)")
NUM_SPECIES = 620
"""More than one answer of a category holds (500)."""

SETTINGS = """
wfLoadExtension( 'TextExtracts' );
wfLoadExtension( 'ParserFunctions' );
wfLoadExtension( 'Cite' );
$wgJobRunRate = 0;
# Nothing here has to outlive a power cut, and waiting for the disk would take most of the time.
$wgDBservers = [ [
	'type' => 'sqlite', 'dbname' => $wgDBname, 'dbDirectory' => $wgSQLiteDataDir, 'host' => '', 'user' => '',
	'password' => '', 'load' => 1, 'flags' => DBO_DEFAULT, 'variables' => [ 'synchronous' => 'OFF' ],
] ];
# Small enough that 50 pages of the sample do not fit into one answer, so that it is continued.
$wgAPIMaxResultSize = 400000;
"""

MADE = {
    "Category:Countries": "Made for the test: holds the sample's own categories. [[Category:Landlocked countries]]",
    "Category:Republics": "[[Category:Countries]]",
    "Category:Countries in Europe": "[[Category:Countries]]",
    "Category:Landlocked countries": "[[Category:Countries in Europe]] [[Category:Republics]]",
    "Category:States": "#REDIRECT [[:Category:Countries]]",
    "Category:Empty shelf": "Nothing is in it.",
    "Land of the eagles": "#REDIRECT [[Albania]]\n[[Category:Countries]]",
    "Land of rules": "#REDIRECT [[Category:Republics]]\n[[Category:Countries]]",
    "Talk:Albania": "Not an article. [[Category:Countries]]",
    "User:Example": "Neither. [[Category:Countries]]",
    "Long tale": "word " * 30_000 + "[[Category:Countries]]",
    "Category:Species": "Many small pages.",
    "Category:鳥類": "[[Category:Species]]",
    **{
        f"Species {number:03}": f"The '''species {number:03}''' of [[bird]] eats {{{{food|{number}}}}} seeds.\n"
        "[[Category:Species]]"
        for number in range(NUM_SPECIES)
    },
    **{
        f"鳥の種類についての長い題名の記事 {number:02}": f"第{number}の鳥は種を食べる。 [[Category:鳥類]]"
        for number in range(60)
    },
}
"""Wikitext by title; the second redirect leaves the articles, the circle is Countries in its own subcategory."""


def missing_parts() -> str | None:
    """Return what this machine lacks to serve a MediaWiki, None when it has all."""
    hint = "Debian: apt install mediawiki php-cli php-sqlite3 php-mbstring php-xml php-intl"
    if shutil.which("php") is None:
        return f"no php ({hint})"
    modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False).stdout.split()
    if PHP_MODULES - set(modules):
        return f"php lacks {', '.join(sorted(PHP_MODULES - set(modules)))} ({hint})"
    if _install_path() is None:
        return f"no MediaWiki in {' or '.join(INSTALL_PATHS)} ({hint})"
    return None


def _install_path() -> str | None:
    return next((path for path in INSTALL_PATHS if Path(path, "maintenance", "install.php").is_file()), None)


class MediaWiki:
    """The handle of a wiki that is served."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}/w"

    def fail_next(self, *faults: dict[str, Any]) -> None:
        """Let the next requests fail, one by one, as `mediawiki_router.php` describes."""
        (self.folder / "faults.json").write_text(json.dumps(faults))

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked since the last `forget`: method, path, agent, time and params of each request."""
        log = (self.folder / "access.jsonl").read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in log]

    def forget(self) -> None:
        """Start the list of requests anew, without faults."""
        (self.folder / "access.jsonl").write_bytes(b"")
        self.fail_next()

    def edit(self, title: str, text: str) -> None:
        """Save `text` as the new revision of a page."""
        _maintain(self.folder, "edit.php", "--user", "Admin", "--no-rc", title, stdin=text.encode())


def _maintain(folder: Path, script: str, *arguments: str, stdin: bytes = b"") -> None:
    command = ["php", f"{_install_path()}/maintenance/{script}", *arguments]
    environment = {**os.environ, "MW_INSTALL_PATH": str(_install_path())}
    if (folder / "LocalSettings.php").exists():
        environment["MW_CONFIG_FILE"] = str(folder / "LocalSettings.php")
    done = subprocess.run(command, input=stdin, capture_output=True, env=environment, cwd=folder, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{script} ended with {done.returncode}: {(done.stdout + done.stderr).decode()[-2000:]}")


def _import_xml(pages: dict[str, str]) -> bytes:
    """Return an export file of `pages`, as Special:Import takes it."""
    numbers = {"Category": 14, "Talk": 1, "User": 2}
    listed = "".join(
        f"<page><title>{escape(title)}</title><ns>{numbers.get(title.partition(':')[0], 0)}</ns><id>{number}</id>"
        f"<revision><id>{number}</id><timestamp>2026-01-01T00:00:00Z</timestamp>"
        f"<contributor><username>Admin</username><id>1</id></contributor><model>wikitext</model>"
        f'<format>text/x-wiki</format><text xml:space="preserve">{escape(text)}</text></revision></page>'
        for number, (title, text) in enumerate(pages.items(), start=1)
    )
    opening = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10" xml:lang="en">'
    return f"{opening}{listed}</mediawiki>".encode()


def _pages_of_topic(xml: bytes) -> bytes:
    """Return the dump with the pages of `TOPIC` and the redirects alone: parsing all others would take 15 s."""

    def keep(page: re.Match[bytes]) -> bytes:
        return page.group(0) if b"<redirect " in page.group(0) or TOPIC.search(page.group(0)) else b""

    return re.sub(rb"  <page>.*?</page>\n", keep, xml, flags=re.DOTALL)


def install(folder: Path, dump: Path) -> None:
    """Set up a wiki in `folder` and import the pages of `dump` and the made ones; takes about 10 s."""
    _maintain(
        folder, "install.php", "--dbtype", "sqlite", "--dbname", "wiki", "--dbpath", str(folder / "database"),
        "--confpath", str(folder), "--scriptpath", "/w", "--server", "http://127.0.0.1", "--lang", "en",
        "--pass", "only-for-this-test", "Sample", "Admin",
    )  # fmt: skip
    with (folder / "LocalSettings.php").open("a") as settings:
        settings.write(SETTINGS)
    # Without its updates the import is fast; refreshLinks then fills the categories from the wikitext, as on a real
    # wiki after an import.
    _maintain(folder, "importDump.php", "--no-updates", stdin=_pages_of_topic(bz2.decompress(dump.read_bytes())))
    _maintain(folder, "importDump.php", "--no-updates", stdin=_import_xml(MADE))
    _maintain(folder, "refreshLinks.php")


@contextmanager
def serving_mediawiki(folder: Path, dump: Path) -> Iterator[MediaWiki]:
    """Install a wiki in `folder` and serve it on a free port until the block ends."""
    install(folder, dump)
    (port,) = free_ports(1)
    wiki = MediaWiki(folder, port)
    wiki.forget()
    environment = {
        **os.environ,
        "MW_INSTALL_PATH": str(_install_path()),
        "MW_CONFIG_FILE": str(folder / "LocalSettings.php"),
        "WIKI_FOLDER": str(folder),
    }
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            ["php", "-S", f"127.0.0.1:{port}", str(ROUTER)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=environment, cwd=folder,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                with urllib.request.urlopen(f"{wiki.url}/api.php?action=query&meta=siteinfo&format=json") as answer:
                    if "query" in json.load(answer):
                        break
                    raise RuntimeError(f"the wiki does not answer as one: see {folder / 'server.log'}")
            except (urllib.error.URLError, ConnectionError):
                if server.poll() is not None or time.monotonic() > deadline:
                    tail = (folder / "server.log").read_text(errors="replace")[-1000:]
                    raise RuntimeError(f"PHP's web server did not start: {tail}") from None
                time.sleep(0.05)
        wiki.forget()
        yield wiki
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
