"""Runs that are killed at moments drawn from a seed, and what their workers saw."""
