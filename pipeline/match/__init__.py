"""Matching captions against the query list: one compiled pass over Arrow buffers."""
