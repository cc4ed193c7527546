"""Other people's weights, geometries and vocabularies, as a training begins with them."""
