"""The Beam steps of `pipeline balance`: passes over the candidates, sums by query, thresholds, selection, layout."""
