"""Pairs of WAT files, Common Crawl's JSON metadata."""
