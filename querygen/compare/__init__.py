"""Two query lists beside each other."""
