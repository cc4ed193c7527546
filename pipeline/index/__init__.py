"""Index: where the samples of other people's tars begin, so that a trainer reads them by blocks."""
