"""A real name server on 127.0.0.1 (dnslib, UDP) whose answers change from question to question, and a client."""

import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event

from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSServer

from pipeline.download.fetch.resolver import Address
from tests.support.waiting import PATIENCE_S

NO_SUCH_NAME = 3


class NameServer(BaseResolver):  # type: ignore[misc]
    """Answers by name: each question for an address gets the next of the name's answers, the last one for ever.

    A name in `held` gets its answer when its event is set.
    """

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]], held: Mapping[str, Event]) -> None:
        self.answers = dict(answers)
        self.held = dict(held)
        self.questions: Counter[str] = Counter()
        self.port = 0

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        name = str(request.q.qname).rstrip(".")
        reply = request.reply()
        if name not in self.answers:
            reply.header.rcode = RCODE.NXDOMAIN
            self.questions[name] += 1
            return reply
        if request.q.qtype == QTYPE.A:
            given = self.answers[name]
            addresses = given[min(self.questions[name], len(given) - 1)]
            self.questions[name] += 1
            for address in addresses:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=0))
        if name in self.held:
            self.held[name].wait(PATIENCE_S)
        return reply

    def lookup(self, host: str) -> list[Address]:
        """Ask this server, as the system's resolver would ask its own."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE_S)
            client.sendto(DNSRecord.question(host).pack(), ("127.0.0.1", self.port))
            reply = DNSRecord.parse(client.recv(4096))
        if reply.header.rcode == NO_SUCH_NAME:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, str(record.rdata)) for record in reply.rr]


@contextmanager
def name_server(
    answers: Mapping[str, Sequence[Sequence[str]]], held: Mapping[str, Event] | None = None, port: int = 0
) -> Iterator[NameServer]:
    """Serve `answers` at `port`, 0 for a free one."""
    found = NameServer(answers, held or {})
    server = DNSServer(found, address="127.0.0.1", port=port, logger=_Silent())
    found.port = server.server.server_address[1]
    server.start_thread()
    try:
        yield found
    finally:
        for event in found.held.values():
            event.set()
        server.stop()
        server.server.server_close()


class _Silent:
    """In place of dnslib's log on the terminal."""

    def __getattr__(self, name: str) -> object:
        return _ignore


def _ignore(*_: object) -> None:
    """Say nothing."""
