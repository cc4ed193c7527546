"""The list itself: PMI of bigrams, budgets, the queries folder."""
