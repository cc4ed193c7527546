"""Rows of batches made ahead of the training: by threads of the worker, or by processes into memory that they share."""
