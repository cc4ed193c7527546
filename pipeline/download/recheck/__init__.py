"""What became of the images of a finished shards folder: their URLs asked again, no image stored."""
