"""Uses of a trained model: loaded in a line, its encoders by batches, pictures named by labels."""
