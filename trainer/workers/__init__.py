"""How the processes of a run start, find one another and hear of its end: Ray, torchrun, one process."""
