"""What is checked, hidden and noted of each image beside its pixels: limits, hashes, boxes, colours, look-alikes."""
