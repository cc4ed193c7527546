"""Download: a selection in, WebDataset shards out. Read config, plan, fetch, decode, tar, shard, job."""
