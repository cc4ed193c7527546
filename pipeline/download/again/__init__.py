"""A finished shards folder changed: images that may heal asked for again; what is of all shards written anew."""
