"""The queries that a job is asked for, as a queries folder, whatever form they are given in."""
