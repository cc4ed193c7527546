"""How other projects write a CLIP model down: their configs, their names of tensors."""
