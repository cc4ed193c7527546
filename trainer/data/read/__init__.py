"""Blocks of shards, fetched ahead of their use: bytes in, images and captions of samples out."""
