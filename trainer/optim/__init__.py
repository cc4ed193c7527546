"""Optimizer groups and learning-rate schedule."""
