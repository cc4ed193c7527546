"""Trains CLIP on WebDataset shards and evaluates it."""
