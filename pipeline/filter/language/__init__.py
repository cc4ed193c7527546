"""fastText's language identification over Arrow buffers."""
