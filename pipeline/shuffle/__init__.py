"""Tables between two steps: how large, through files or the runner, and whether there is room for them."""
