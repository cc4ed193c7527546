"""URLs in, bodies out: requests with deadlines, retries, private addresses refused, opt-outs obeyed."""
