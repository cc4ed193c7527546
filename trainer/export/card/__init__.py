"""The model card of an export: what the model is, what it was trained on, how it was measured and compared."""
