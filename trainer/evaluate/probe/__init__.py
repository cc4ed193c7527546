"""What features are worth: classifiers on features that stay as they are, in the paper's protocol and on few examples."""
