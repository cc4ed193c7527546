"""The layout of shards: every image in exactly one, all but the last full, numbered on."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.balance.steps.layout import shard_ranges


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(1, 20), st.integers(0, 1000))
def test_shards_follow_each_other_without_gap(images: list[int], samples_per_shard: int, number: int) -> None:
    ranges = shard_ranges(images, samples_per_shard, number)
    starts = [sum(images[:partition]) for partition in range(len(images))]
    firsts = []
    for each in ranges:
        assert each.count > 0
        for index in range(each.count):
            first_image = starts[each.partition] + each.skip_images + index * samples_per_shard
            assert starts[each.partition] <= first_image < starts[each.partition] + images[each.partition]
            firsts.append((each.number + index, first_image))
    num_shards = -(-sum(images) // samples_per_shard)
    assert firsts == [(number + shard, shard * samples_per_shard) for shard in range(num_shards)]
