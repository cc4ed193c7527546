"""Where a query comes from: apart from the tables of `schemas.query`, so that command lines need no Arrow."""

SOURCES = ("word", "bigram", "title", "synset")
"""The sources in the paper's order (CLIP, section 2.2): the first that brings a query owns it."""
