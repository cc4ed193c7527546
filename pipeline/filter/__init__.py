"""Filters: which checked pairs are worth matching; each a pure function in its own file."""
