"""Which hosts refused, of how many images, and what is told of it."""

import json

from pipeline.download.refusals import MAX_HOSTS, MAX_TOLD, add_refusals, count_refusals, refusal_lines
from schemas.json_object import JsonObject, parse_object

URLS = [
    "http://a.test/1",
    "https://A.test:8/2",
    "http://b.test/",
    "http://c.test/1",
    "http://c.test/2",
    "http://[/",
    None,
]


def test_hosts_that_refused_any_with_what_was_asked_of_them() -> None:
    assert count_refusals(URLS, [403, 403, 200, 451, 404, None, None]) == {
        "a.test": {"asked": 2, "403": 2}, "c.test": {"asked": 2, "451": 1},
    }  # fmt: skip
    assert count_refusals(URLS, [404, 500, 200, None, 429, None, None]) == {}


def test_only_the_hosts_with_most_refusals_are_noted() -> None:
    urls = [f"http://host{number}.test/" for number in range(MAX_HOSTS + 5)] + ["http://z.test/"] * 2
    found = count_refusals(urls, [401] * len(urls))
    assert len(found) == MAX_HOSTS
    assert found["z.test"] == {"asked": 2, "401": 2}


def noted(**hosts: dict[str, int]) -> JsonObject:
    return parse_object(json.dumps({"refusals": hosts}).encode(), "stats")


def test_shards_are_added_up_and_only_hosts_that_gave_nothing_are_told() -> None:
    found = add_refusals(
        [
            noted(a={"asked": 2, "403": 2}, b={"asked": 3, "403": 1}),
            noted(a={"asked": 1, "403": 1}, c={"asked": 1, "401": 1}),
            parse_object(b"{}", "stats"),  # of an older version
        ]
    )
    assert found["by_status"] == {"401": 1, "403": 4}
    assert found["hosts"] == {"a": {"403": 3, "asked": 3}, "c": {"401": 1, "asked": 1}}
    first, _ = refusal_lines(found)
    assert "3 images" in first
    assert "a (3)" in first
    assert "c" not in first.rpartition("asked of")[2]


def test_nothing_is_told_when_nobody_refused_all_and_not_more_than_some_hosts_are() -> None:
    assert refusal_lines(add_refusals([noted(b={"asked": 3, "403": 1})])) == []
    many = {f"host{number}": {"asked": 1, "403": 1} for number in range(3 * MAX_TOLD)}
    found = add_refusals([noted(**many)])
    assert len(found["hosts"]) == MAX_TOLD
    assert found["hosts_refusing_all"] == 3 * MAX_TOLD
