"""The options of `trainer train`, a group a file. Imports nothing that is slow."""
