"""The guard of addresses where there are public ones: a network namespace with its own addresses and name server.

In it lie a public address (on its loopback device), a web server on all addresses and a name server at port 53, which
the system's resolver asks. Skipped where no namespace can be made.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.killing import REPOSITORY
from tests.support.waiting import PATIENCE_S

PUBLIC = "93.184.215.14"

ENTER = """set -e
ip link set lo up
ip addr add $1/32 dev lo
ip addr add 169.254.169.254/32 dev lo
mount --bind "$2" /etc/resolv.conf
exec "$3" -c "$4"
"""

INSIDE = """
import asyncio, json
from dataclasses import asdict
from pipeline.download.config import DownloadConfig
from pipeline.download.fetch.request import fetch, open_session, parse_url
from pipeline.download.fetch.resolver import system_lookup
from pipeline.download.outcome import Failure
from tests.support.name_server import name_server

PUBLIC = "93.184.215.14"
NAMES = {
    "good.test": [[PUBLIC]], "turned.test": [[PUBLIC], ["127.0.0.1"]], "metadata.test": [["169.254.169.254"]],
    "mixed.test": [["127.0.0.1", "10.0.0.1"]],
}
ASKED = [
    "http://good.test/", "http://%s/" % PUBLIC, "http://turned.test/", "http://metadata.test/", "http://mixed.test/",
    "http://good.test/to-loopback", "http://good.test/to-metadata", "http://good.test/to-a-name", "http://none.test/",
]
TARGETS = {"/to-loopback": "http://127.0.0.1/", "/to-metadata": "http://169.254.169.254/", "/to-a-name": "http://turned.test/"}

async def main():
    served = []
    async def answer(reader, writer):
        path = (await reader.readuntil(b"\\r\\n\\r\\n")).split(b" ")[1].decode()
        served.append([writer.get_extra_info("sockname")[0], path])
        place = TARGETS.get(path)
        head = "HTTP/1.1 302 Found\\r\\nLocation: %s\\r\\n" % place if place else "HTTP/1.1 200 OK\\r\\n"
        writer.write((head + "Content-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok").encode())
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(answer, "0.0.0.0", 80)
    loop = asyncio.get_running_loop()
    before = await loop.run_in_executor(None, system_lookup, "turned.test")
    config = DownloadConfig(selection="s", output="o", timeout_s=600)
    found = {}
    async with open_session(config) as session:
        for url in ASKED:
            one = await fetch(session, parse_url(url), config)
            found[url] = one.reason if isinstance(one, Failure) else one.data.decode()
    server.close()
    print(json.dumps({"before": [address for _, address in before], "found": found, "served": served}))

with name_server(NAMES, port=53):
    asyncio.run(main())
"""


def namespace(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-n", "-m", *command], cwd=REPOSITORY, capture_output=True, text=True, check=False,
        timeout=PATIENCE_S,
    )  # fmt: skip


def test_only_public_addresses_are_asked_whatever_names_and_redirects_say(tmp_path: Path) -> None:
    if not shutil.which("unshare") or not shutil.which("ip") or namespace("ip", "link", "set", "lo", "up").returncode:
        pytest.skip("no network namespace can be made here (unshare -n -m, ip)")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    done = namespace("sh", "-c", ENTER, "sh", PUBLIC, str(tmp_path / "resolv.conf"), sys.executable, INSIDE)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["before"] == [PUBLIC]
    refused = [
        "http://turned.test/", "http://metadata.test/", "http://mixed.test/", "http://good.test/to-loopback",
        "http://good.test/to-metadata", "http://good.test/to-a-name",
    ]  # fmt: skip
    assert told["found"] == dict.fromkeys(refused, "private_address") | {
        "http://good.test/": "ok", f"http://{PUBLIC}/": "ok", "http://none.test/": "dns_failed",
    }  # fmt: skip
    assert {address for address, _ in told["served"]} == {PUBLIC}
