"""Why a text is a query of a list, or is none."""
