"""Where the metrics of a run go: files and services behind one interface."""
