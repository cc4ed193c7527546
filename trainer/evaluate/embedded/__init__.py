"""Features of a data set's images with their classes: by a model, or from files."""
