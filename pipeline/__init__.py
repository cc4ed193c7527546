"""The Beam jobs: collect candidate pairs, balance them, download the images into WebDataset shards."""
