"""Features of many images and texts, as files."""
