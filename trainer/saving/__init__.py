"""Checkpoints written beside the training: copies in host memory, a thread, files."""
