"""What features are worth: classifiers on them while they stay, by the paper's protocol and on few examples."""
