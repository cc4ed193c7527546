"""Logging of the commands: Beam's warnings about parts that are not installed would bury what a command says."""

import logging


def show_only_errors() -> None:
    """Send errors to standard error and nothing else. Call before Beam is imported: it logs at import."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    logging.getLogger().addHandler(handler)
