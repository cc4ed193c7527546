"""What of a run's memory is known before it: by a forward and backward pass over tensors without content."""
