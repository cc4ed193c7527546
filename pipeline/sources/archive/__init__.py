"""Records of web archives: gzip members, WARC and ARC headers, where each record lies."""
