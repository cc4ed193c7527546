"""What the demo promises of its result, and what a guesser would get."""

from tests.demo.config import Scale
from tests.demo.outcome import EXPECTED_BROKEN_ROWS, EXPECTED_REASONS, Outcome
from tests.demo.vocabulary import COLOURS, SHAPES

CHANCE = 1 / (len(COLOURS) * len(SHAPES))
COLOUR_GUESSER = 1 / len(SHAPES)
"""Accuracy of one that always knows the colour and guesses the shape."""
SHAPE_GUESSER = 1 / len(COLOURS)
"""Accuracy of one that always knows the shape and guesses the colour."""
WANTED_ACCURACY = 2 * max(COLOUR_GUESSER, SHAPE_GUESSER)


def broken_promises(outcome: Outcome, asked: Scale) -> list[str]:
    """Return one line for each promise that does not hold."""
    broken = []
    if outcome.capped_queries < asked.min_capped_queries:
        broken.append(
            f"{outcome.capped_queries} queries exceed the cap of {asked.max_pairs_per_query}, "
            f"promised at least {asked.min_capped_queries}"
        )
    if outcome.selected < asked.min_selected_pairs:
        broken.append(f"{outcome.selected} pairs were selected, promised at least {asked.min_selected_pairs}")
    if outcome.refill == 0:
        broken.append("the refill round selected nothing")
    if outcome.keys_twice:
        broken.append(f"{outcome.keys_twice} keys stand in the shards' tars more than once")
    for kind, reason in EXPECTED_REASONS.items():
        found = outcome.failures[kind]
        if not found[reason] or len(found) > 1:
            broken.append(f"{kind} URLs should be in the shards' tables as {reason!r} only, found {dict(found)}")
    for reason in EXPECTED_BROKEN_ROWS:
        if not outcome.broken_rows[reason]:
            broken.append(f"no rejection of collect has the reason {reason!r}; found {dict(outcome.broken_rows)}")
    if outcome.killed_after is None:
        broken.append("no worker was killed while it trained")
    if asked.accuracy_asked and outcome.accuracy < WANTED_ACCURACY:
        broken.append(
            f"zero-shot accuracy on unseen combinations is {outcome.accuracy:.1%}, promised at least "
            f"{WANTED_ACCURACY:.1%}, twice the better single-attribute guesser"
        )
    return broken
