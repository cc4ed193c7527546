"""Listing: a table of image URLs in, the images as shards out, without queries: img2dataset's own job."""
