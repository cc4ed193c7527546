"""Processes that count, and the units of their work."""
