"""How jobs run: Beam's options, the machine, progress, logs, failures; a room for each runner."""
