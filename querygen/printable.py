"""Text of strangers (titles, spellings, lists from elsewhere), made safe for a terminal."""


def printable(text: str) -> str:
    """Return `text` without what a terminal would obey: each such character becomes U+FFFD."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
