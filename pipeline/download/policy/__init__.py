"""What those who publish an image wish to be done with it, in machine-readable form, and what follows from it."""
