"""Prompt engineering: what each template and each ensemble of them is worth."""
