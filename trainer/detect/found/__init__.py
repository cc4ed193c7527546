"""What a detector finds: boxes chosen, drawn, measured."""
