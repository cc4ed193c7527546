"""Search among features: `build_index`, `open_index`, and what is asked of an index (`vector_index`)."""
