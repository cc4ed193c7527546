"""Beam's local runner with worker processes forked from a warm one, and watched."""
