#!/usr/bin/env bash
# aiohttp 3.14.5, Python 3.11: max_redirects counts answers, not redirects: max_redirects=5 follows four.
#
# A chain of five redirects (/5 -> /4 -> ... -> /0) raises TooManyRedirects with max_redirects=5, and so does one
# redirect with max_redirects=1. requests (max_redirects) and curl (--max-redirs) follow as many as the number says.
# A downloader that hands a user's "--max-redirects 5" through loses the images behind five redirects.
#
# Fails (exit 1) when that changes.
set -euo pipefail
folder=$(mktemp -d /tmp/finding-XXXX)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q aiohttp==3.14.5 requests==2.32.5
"$folder/env/bin/python" - <<'PY'
import asyncio
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import requests


class Chain(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        left = int(self.path[1:])
        self.send_response(302 if left else 200)
        if left:
            self.send_header("Location", f"/{left - 1}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Chain)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_address[1]}"


async def by_aiohttp(redirects, limit):
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(f"{address}/{redirects}", max_redirects=limit) as answer:
                return answer.status
        except aiohttp.TooManyRedirects:
            return "TooManyRedirects"


def by_requests(redirects, limit):
    with requests.Session() as session:
        session.max_redirects = limit
        try:
            return session.get(f"{address}/{redirects}").status_code
        except requests.TooManyRedirects:
            return "TooManyRedirects"


seen = {}
for redirects, limit in ((1, 1), (4, 5), (5, 5)):
    seen[redirects, limit] = asyncio.run(by_aiohttp(redirects, limit)), by_requests(redirects, limit)
    print(f"{redirects} redirects, max_redirects={limit}: aiohttp {seen[redirects, limit][0]}, requests {seen[redirects, limit][1]}")
expected = {(1, 1): ("TooManyRedirects", 200), (4, 5): (200, 200), (5, 5): ("TooManyRedirects", 200)}
sys.exit(seen != expected and "changed")
PY
