"""How weights are updated: AdamW in float32 or halves, rates, clipping, loss scale, averages."""
