"""Wikitext to plain text to words."""
