"""Counts of evidence, of a plan and of all plans."""

from pipeline.download.policy.counts import policy_counts, summed
from pipeline.download.policy.evidence import ALLOW, FORBID, NOTHING_SEEN, Judged, Signal, decide
from schemas.json_object import JsonObject

NO = Judged(Signal("header", "tdm-reservation", "1", "1"), FORBID)
YES = Judged(Signal("robots.txt", "content-signal/ai-train", "yes", "yes"), ALLOW)


def test_images_are_counted_by_decision_rule_and_signal() -> None:
    counts = policy_counts([decide((NO, YES)), decide((YES,)), NOTHING_SEEN, None])
    assert counts == {
        "decisions": {"allow": 2, "forbid": 1},
        "rules": {"header: tdm-reservation=1": 1, "robots.txt: content-signal/ai-train=yes": 1},
        "signals": {"header: tdm-reservation=1": 1, "robots.txt: content-signal/ai-train=yes": 2},
        "conflicts": 1,
    }
    twice = summed([JsonObject(policy=counts), JsonObject(policy=counts), JsonObject()])
    assert twice["decisions"] == {"allow": 4, "forbid": 2}
    assert twice["conflicts"] == 2
