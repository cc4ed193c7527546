"""Online balancing: by its queries' counts in the shards each sample has a chance to take part in an epoch."""
