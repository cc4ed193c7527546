"""The CLIP model: image encoders, text encoder and the wrapper that joins them."""
