"""Wikitext's markup, compiled: `scan` goes over a page once; each construct has functions in a module beside it."""
