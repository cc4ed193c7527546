"""A bias probe: how the labels to choose from move what is said of groups of images (CLIP, section 7.1)."""
