"""Which sample comes at which place of a run: pure functions of the numbers of samples, for any number of workers."""
