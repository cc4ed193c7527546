"""Names to addresses, with a real name server: cached, in turn, one look-up a name, and slow names hold up no other."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from threading import Event
from typing import Any

import aiohttp
import pytest

from pipeline.download.fetch.addresses import PrivateAddressError, public_socket
from pipeline.download.fetch.resolver import FAILURE_KEPT_S, KEPT_S, CachingResolver, system_lookup
from tests.support.name_server import NameServer, name_server
from tests.support.waiting import PATIENCE_S

Use = Callable[[CachingResolver], Coroutine[Any, Any, Any]]


def with_resolver(server: NameServer, use: Use, **options: Any) -> Any:
    async def run() -> Any:
        resolver = CachingResolver(server.lookup, **({"timeout_s": PATIENCE_S} | options))
        try:
            return await use(resolver)
        finally:
            await resolver.close()

    return asyncio.run(run())


async def hosts(resolver: CachingResolver, name: str) -> list[str]:
    return [found["host"] for found in await resolver.resolve(name, 80)]


def test_addresses_come_in_turn_and_the_name_is_asked_for_once() -> None:
    async def use(resolver: CachingResolver) -> list[list[str]]:
        return [await hosts(resolver, "a.test") for _ in range(4)]

    with name_server({"a.test": [["1.1.1.1", "2.2.2.2", "3.3.3.3"]]}) as server:
        found = with_resolver(server, use)
        assert server.questions == {"a.test": 1}
    assert [one[0] for one in found] == ["1.1.1.1", "2.2.2.2", "3.3.3.3", "1.1.1.1"]
    assert all(sorted(one) == ["1.1.1.1", "2.2.2.2", "3.3.3.3"] for one in found)


def test_many_who_wait_for_a_name_make_one_look_up_and_one_who_goes_takes_it_from_nobody() -> None:
    held = Event()

    async def use(resolver: CachingResolver) -> list[Any]:
        waiting = [asyncio.create_task(hosts(resolver, "a.test")) for _ in range(50)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        held.set()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    with name_server({"a.test": [["1.1.1.1"]]}, {"a.test": held}) as server:
        first, *rest = with_resolver(server, use)
        assert server.questions == {"a.test": 1}
    assert isinstance(first, asyncio.CancelledError)
    assert rest == [["1.1.1.1"]] * 49


def test_slow_names_hold_up_no_other_and_fail_at_their_deadline() -> None:
    held = {f"slow{number}.test": Event() for number in range(8)}
    answers = {name: [["1.1.1.1"]] for name in held} | {"good.test": [["2.2.2.2"]]}

    async def use(resolver: CachingResolver) -> tuple[list[str], list[Any]]:
        slow = [asyncio.create_task(hosts(resolver, name)) for name in held]
        await asyncio.sleep(0)
        good = await hosts(resolver, "good.test")
        assert not any(task.done() for task in slow)
        for event in held.values():
            event.set()
        return good, list(await asyncio.gather(*slow))

    with name_server(answers, held) as server:
        assert with_resolver(server, use, num_threads=9) == (["2.2.2.2"], [["1.1.1.1"]] * 8)


def test_a_look_up_that_takes_too_long_may_heal() -> None:
    held = Event()

    async def use(resolver: CachingResolver) -> int | None:
        with pytest.raises(socket.gaierror) as error:
            await hosts(resolver, "slow.test")
        return error.value.errno

    with name_server({"slow.test": [["1.1.1.1"]]}, {"slow.test": held}) as server:
        assert with_resolver(server, use, timeout_s=0.05) == socket.EAI_AGAIN


def test_answers_are_kept_for_their_time_and_failures_for_a_shorter_one() -> None:
    now = [0.0]

    async def use(resolver: CachingResolver) -> list[Any]:
        found: list[Any] = []
        for at in (0.0, FAILURE_KEPT_S - 1, FAILURE_KEPT_S + 1, KEPT_S - 1, KEPT_S + 1):
            now[0] = at
            for name in ("a.test", "gone.test"):
                try:
                    found.append((await hosts(resolver, name))[0])
                except socket.gaierror:
                    found.append(name)
        return found

    with name_server({"a.test": [["1.1.1.1"], ["2.2.2.2"]]}) as server:
        assert with_resolver(server, use, clock=lambda: now[0]) == [
            *["1.1.1.1", "gone.test"] * 4, "2.2.2.2", "gone.test"
        ]  # fmt: skip
        assert server.questions == {"a.test": 2, "gone.test": 3}


def test_only_so_many_names_are_remembered_and_the_one_used_longest_ago_goes() -> None:
    async def use(resolver: CachingResolver) -> None:
        for name in ("a.test", "b.test", "a.test", "c.test", "a.test", "b.test"):
            await hosts(resolver, name)

    with name_server({f"{letter}.test": [["1.1.1.1"]] for letter in "abc"}) as server:
        with_resolver(server, use, max_names=2)
        assert server.questions == {"a.test": 1, "b.test": 2, "c.test": 1}


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "0.0.0.0"])
def test_a_name_that_turns_to_an_address_that_is_not_public_is_refused_at_the_connect(address: str) -> None:
    """The name server gives a public address to who looks, and another to who connects (rebinding)."""
    now = [0.0]

    async def use(resolver: CachingResolver) -> BaseException:
        assert await hosts(resolver, "evil.test") == ["93.184.215.14"]
        now[0] += KEPT_S
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, socket_factory=public_socket)
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientConnectorError) as error:
                await session.get("http://evil.test:8080/")
        return error.value.os_error

    with name_server({"evil.test": [["93.184.215.14"], [address]]}) as server:
        assert isinstance(with_resolver(server, use, clock=lambda: now[0]), PrivateAddressError)
        assert server.questions == {"evil.test": 2}


def test_the_system_is_asked_by_default() -> None:
    assert {"127.0.0.1", "::1"} & {address for _, address in system_lookup("localhost")}


def test_a_name_that_no_codec_takes_does_not_resolve() -> None:
    async def run() -> int | None:
        resolver = CachingResolver()
        with pytest.raises(socket.gaierror) as error:
            await resolver.resolve("a" * 64 + ".test", 80)
        await resolver.close()
        return error.value.errno

    assert asyncio.run(run()) == socket.EAI_NONAME
