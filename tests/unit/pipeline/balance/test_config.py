"""Options of balance: what is out of range is refused with the option and the value."""

import pytest

from pipeline.balance.config import BalanceConfig
from schemas.run_options import identity_options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tail_share": 0.0}, "tail_share must be between 0 and 1, found 0.0"),
        ({"tail_share": 1.0}, "tail_share must be between 0 and 1, found 1.0"),
        ({"tail_share": float("nan")}, "tail_share must be between 0 and 1, found nan"),
        ({"max_pairs_per_query": 0}, "max_pairs_per_query must be at least 1, found 0"),
        ({"samples_per_shard": 0}, "samples_per_shard must be at least 1, found 0"),
        ({"seed": -1}, r"seed must be in 0 \.\. 2\*\*64 - 1, found -1"),
        ({"seed": 2**64}, "seed must be in"),
    ],
    ids=str,
)
def test_what_is_out_of_range_is_named(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BalanceConfig(candidates="c", output="o", **options)  # type: ignore[arg-type]


def test_the_ends_of_the_ranges_are_taken() -> None:
    BalanceConfig(candidates="c", output="o", seed=2**64 - 1, max_pairs_per_query=1, samples_per_shard=1)


def test_places_are_no_part_of_the_identity_and_the_rule_is() -> None:
    plain = BalanceConfig(candidates="c", output="o")
    moved = BalanceConfig(candidates="d", output="p", queries="q", failed=("f",), force=True, rank_key_file="k")
    assert identity_options(plain) == identity_options(moved)
    assert identity_options(plain) != identity_options(BalanceConfig(candidates="c", output="o", seed=1))
