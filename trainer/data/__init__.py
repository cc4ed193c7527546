"""Shards in, batches out: what samples there are, in which order, decoded."""
