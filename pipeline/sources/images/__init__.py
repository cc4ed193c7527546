"""Images that are already there: folders and WebDataset tars, with captions beside them."""
