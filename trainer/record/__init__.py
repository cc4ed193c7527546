"""What a run is: its plan, its claim on an output, its surroundings."""
