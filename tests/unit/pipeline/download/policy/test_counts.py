"""Counts of evidence, of a plan and of all plans."""

import pyarrow as pa

from pipeline.download.policy.counts import policy_counts, summed
from schemas.json_object import JsonObject
from schemas.sample import SHARD_TABLE

NO = {"place": "header", "signal": "tdm-reservation", "value": "1", "meaning": "forbid"}
YES = {"place": "robots.txt", "signal": "content-signal/ai-train", "value": "yes", "meaning": "allow"}
MAYBE = {"place": "robots.txt", "signal": "robots-ai-crawler", "value": "gptbot", "meaning": "unknown"}
OTHER = {**MAYBE, "value": "ccbot"}


def rows(*found: tuple[list[dict[str, str]], str | None, str | None]) -> pa.Table:
    """Return a table of images: signals, decision, rule."""
    columns = zip(*found, strict=True) if found else ((), (), ())
    names = ("signals", "policy_decision", "policy_rule")
    return pa.table({
        name: pa.array(values, SHARD_TABLE.field(name).type) for name, values in zip(names, columns, strict=True)
    })  # fmt: skip


def test_images_are_counted_by_decision_rule_and_signal() -> None:
    forbidden = ([NO, YES], "forbid", "header: tdm-reservation=1")
    allowed = ([YES, MAYBE, OTHER], "allow", "robots.txt: content-signal/ai-train=yes")
    table = rows(forbidden, allowed, ([], "allow", None), ([], None, None))
    counts = policy_counts(table)
    assert counts == {
        "decisions": {"allow": 2, "forbid": 1},
        "rules": {"header: tdm-reservation=1": 1, "robots.txt: content-signal/ai-train=yes": 1},
        "signals": {
            "header: tdm-reservation (forbid)": 1, "robots.txt: content-signal/ai-train (allow)": 2,
            "robots.txt: robots-ai-crawler (unknown)": 1,
        },
        "conflicts": 1,
    }  # fmt: skip
    twice = summed([JsonObject(policy=counts), JsonObject(policy=counts), JsonObject()])
    assert twice["decisions"] == {"allow": 4, "forbid": 2}
    assert twice["conflicts"] == 2


def test_what_is_left_of_a_table_counts_alone() -> None:
    """Sliced and filtered tables have lists that begin behind the first value."""
    table = rows(([NO], "forbid", "header: tdm-reservation=1"), ([YES], "allow", None), ([YES], "allow", None))
    wanted = {"header: tdm-reservation (forbid)": 1}, {"robots.txt: content-signal/ai-train (allow)": 2}
    assert (policy_counts(table.slice(0, 1))["signals"], policy_counts(table.slice(1))["signals"]) == wanted
    left = policy_counts(table.filter(pa.array([False, True, True])))
    assert (left["decisions"], left["rules"], left["signals"]) == ({"allow": 2}, {}, wanted[1])


def test_no_image_counts_nothing() -> None:
    assert policy_counts(rows()) == {"decisions": {}, "rules": {}, "signals": {}, "conflicts": 0}
