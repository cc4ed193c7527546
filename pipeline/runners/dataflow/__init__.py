"""What Dataflow needs before a job is sent there."""
