"""Open-vocabulary detection: a CLIP whose patches find what texts or pictures ask for (OWL-ViT, arXiv 2205.06230)."""
