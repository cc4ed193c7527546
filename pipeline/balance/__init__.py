"""Balance: each query keeps up to a cap of its candidates; what some query keeps is selected."""
