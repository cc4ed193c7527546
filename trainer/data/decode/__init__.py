"""Encoded images to pixels: the header of a JPEG, decoding, the kernel that resizes."""
