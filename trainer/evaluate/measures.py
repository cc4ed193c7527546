"""The names of what is measured while a model trains. Imports nothing that is slow: options name them."""

RANKS = (1, 5, 10)
"""Of retrieval: a sample counts as found at k where fewer than k others are nearer."""
RETRIEVAL = tuple(f"{way}_r{rank}" for way in ("image_to_text", "text_to_image") for rank in RANKS)
ZERO_SHOT = ("zero_shot_top1", "zero_shot_top5", "zero_shot_mean_per_class")
