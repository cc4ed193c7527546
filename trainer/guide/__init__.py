"""Drawings that a text asks for: strokes led by the gradient of the image-text similarity (CLIPDraw)."""
