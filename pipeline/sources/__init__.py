"""Where candidate pairs come from: one file per input format."""
