"""Pairs of HTML pages in WARC files: tokens, images with their texts, srcset, figures."""
