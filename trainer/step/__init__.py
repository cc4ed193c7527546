"""One step of a training: the batch on its device, the backward pass, the update."""
