"""Collect: raw pairs in, candidates (pairs with their matched queries, each once) out."""
