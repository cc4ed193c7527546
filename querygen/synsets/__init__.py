"""WordNet's files, and the synsets that become queries."""
