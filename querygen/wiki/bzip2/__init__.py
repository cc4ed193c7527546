"""bzip2 by blocks, so that one large file is read by many processes."""
