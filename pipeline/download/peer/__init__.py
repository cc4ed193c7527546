"""``--fetcher img2dataset``: img2dataset itself fetches and resizes the images of a plan; its files are read back."""
