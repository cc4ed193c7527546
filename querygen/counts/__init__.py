"""Words and bigrams counted: pages in, runs on disk, merged counts out."""
