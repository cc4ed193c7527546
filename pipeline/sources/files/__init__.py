"""Files of an input: what a glob or a listing names, open over any protocol, cut in byte ranges."""
