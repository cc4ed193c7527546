"""Host names in, addresses out: one cache for all connections of a process, and look-ups that hold up nobody else's.

    name -> cached? -> turned by one place (round robin)
         -> being looked up? -> wait for that answer
         -> a thread of our own calls getaddrinfo -> cached, failures for a short time

aiohttp has a cache, too: per connector, without failures, and its look-ups take the threads of the event loop, of which
those that were given up keep theirs until the system's resolver gives up. It is off. Names only become addresses here;
whether an address may be asked is checked where it is connected to (`addresses`), whatever a name server said before.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver, ResolveResult

KEPT_S = 300.0
"""How long addresses are used again: getaddrinfo tells no TTL. A name that moves in between costs connect errors, which
are tried again."""

FAILURE_KEPT_S = 30.0
"""How long a name that does not resolve is not asked for again (RFC 2308 allows up to the zone's SOA minimum)."""

TROUBLE_KEPT_S = 1.0
"""How long a name is let alone whose server did not answer: shorter than the second repeat of an image."""

MAX_NAMES = 50_000
"""Names remembered, about 600 bytes each; the one used longest ago goes first."""

NUM_LOOKUP_THREADS = 128
"""Look-ups at a time: getaddrinfo blocks, and cannot be stopped (with Debian's defaults a dead name server holds a
thread for 10 s)."""

LOOKUP_TIMEOUT_S = 8.0
"""Longer look-ups have failed, in the queue for a thread included; below the usual deadline of a request, so that the
reason is told right."""

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

Address = tuple[int, str]
"""Family, address as text (with its zone where it has one)."""


def system_lookup(host: str) -> list[Address]:
    """Ask the system's resolver, as /etc/nsswitch.conf says. Raises socket.gaierror, UnicodeError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


@dataclass
class _Answer:
    addresses: list[Address]
    error: OSError | None
    until: float
    turn: int = 0


class CachingResolver(AbstractResolver):
    """The resolver of one event loop; `lookup` is called in threads, `clock` gives seconds."""

    def __init__(
        self,
        lookup: Callable[[str], list[Address]] = system_lookup,
        *,
        num_threads: int = NUM_LOOKUP_THREADS,
        max_names: int = MAX_NAMES,
        timeout_s: float = LOOKUP_TIMEOUT_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._lookup = lookup
        self._max_names = max_names
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix="dns")
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._asked: dict[str, asyncio.Task[_Answer]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`, at each call from the next one on. Raises OSError (socket.gaierror)."""
        answer = self._answers.get(host)
        if answer is None or answer.until <= self._clock():
            task = self._asked.get(host)
            if task is None:
                task = self._asked[host] = self._loop.create_task(self._ask(host))
            answer = await asyncio.shield(task)  # who waits no longer takes nobody else's answer away
        else:
            self._answers.move_to_end(host)
        if answer.error is not None:
            raise type(answer.error)(*answer.error.args)
        wanted = [found for found in answer.addresses if family in (socket.AF_UNSPEC, found[0])]
        if not wanted:
            raise socket.gaierror(socket.EAI_NONAME, "no address of this family")
        first = answer.turn % len(wanted)
        answer.turn += 1
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=_NUMERIC)
            for kind, address in wanted[first:] + wanted[:first]
        ]

    async def _ask(self, host: str) -> _Answer:
        try:
            asked = self._loop.run_in_executor(self._threads, self._lookup, host)
            addresses = await asyncio.wait_for(asked, self._timeout_s)
            answer = _Answer(addresses, None, self._clock() + KEPT_S)
        except (asyncio.TimeoutError, TimeoutError):
            error = socket.gaierror(socket.EAI_AGAIN, "the look-up took too long")
            answer = _Answer([], error, self._clock() + TROUBLE_KEPT_S)
        except UnicodeError:  # a label of more than 63 bytes
            answer = _Answer([], socket.gaierror(socket.EAI_NONAME, "no host name"), self._clock() + FAILURE_KEPT_S)
        except OSError as error:
            kept_s = TROUBLE_KEPT_S if error.errno == socket.EAI_AGAIN else FAILURE_KEPT_S
            answer = _Answer([], error, self._clock() + kept_s)
        finally:
            self._asked.pop(host, None)
        self._answers[host] = answer
        self._answers.move_to_end(host)
        while len(self._answers) > self._max_names:
            self._answers.popitem(last=False)
        return answer

    async def close(self) -> None:
        """Let go of what is being looked up: threads inside getaddrinfo end by themselves."""
        for task in list(self._asked.values()):
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
