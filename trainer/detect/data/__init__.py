"""Annotated images to batches."""
