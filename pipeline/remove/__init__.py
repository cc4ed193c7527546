"""Samples that are not to be used any more, noted beside their shards."""
