"""Run: collect, balance, download and one refill round in one folder."""
