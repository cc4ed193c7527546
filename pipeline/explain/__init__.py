"""Explain: what a balance will select, what it has selected, and why a pair is kept or not."""
