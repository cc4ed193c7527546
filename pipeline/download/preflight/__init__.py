"""Before a download: a few URLs of the selection are asked for, and what to expect of the rest is told."""
