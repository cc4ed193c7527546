"""Trained models for other projects' programs: written as they read them, opened by them, compared, described."""
