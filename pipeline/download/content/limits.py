"""Is an image too large, too small, or too long? By its sizes alone, before it is decoded, or even fetched."""


def size_reason(width: int, height: int, min_image_size: int, max_aspect_ratio: float | None) -> str | None:
    """Return the reason why an image of `width` x `height` pixels is not wanted, None when it is.

    `min_image_size` is for the shorter side, `max_aspect_ratio` longest to shortest (None: any), as img2dataset has it.
    """
    short, long = min(width, height), max(width, height)
    if short < min_image_size:
        return "image_too_small"
    if max_aspect_ratio is not None and long > max_aspect_ratio * max(short, 1):
        return "aspect_ratio_too_large"
    return None
