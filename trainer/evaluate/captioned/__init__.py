"""Images with captions, as each kind of storage holds them."""
