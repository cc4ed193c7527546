"""Shards in, batches out: what samples there are, in which order, decoded. For loops of others: `ShardLoader`."""

from trainer.data.shard_loader import ShardLoader

__all__ = ["ShardLoader"]
