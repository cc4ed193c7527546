"""Moments of videos that texts or pictures ask for: frames sampled, ranked by similarity, shown on a sheet."""
