"""Compiled kernels that several parts use: bytes 64 at a time, UTF-8, folding, BLAKE2b, HTML's references."""
