"""The progress bar over bytes that counting commands share."""

from typing import Any

from tqdm import tqdm


def bar(num_bytes: int, description: str) -> Any:
    """Return a progress bar over bytes; it is quiet when nobody watches."""
    return tqdm(total=num_bytes, unit="B", unit_scale=True, desc=description, disable=None)
