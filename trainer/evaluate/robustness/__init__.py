"""Test sets of the same classes side by side: how far accuracy falls, and how far others' fall."""
