"""Bytes of an image in, its stored form out: in processes that may crash or hang without taking a worker along."""
