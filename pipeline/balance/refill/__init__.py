"""A refill round: what earlier rounds downloaded, and what their first selection was made with."""
