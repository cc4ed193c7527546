"""``--decode fast``: JPEGs decoded at a reduced scale, then one antialiased bicubic resize."""
