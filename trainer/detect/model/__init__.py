"""The detector: CLIP, its patches, two heads."""
