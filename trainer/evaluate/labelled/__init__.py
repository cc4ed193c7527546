"""The labelled images of a dataset, as each kind of storage holds them."""
