"""`pipeline filter`: pairs whose text does not fit, near-duplicates, images of evaluations, told by their features."""
