"""Losses over the global batch, sharded over the workers: contrastive (`contrastive`) and sigmoid (`sigmoid`)."""
