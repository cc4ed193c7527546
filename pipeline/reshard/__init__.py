"""Reshard: finished shards in, the same samples in tars of equal counts out."""
