"""The largest image of a ``srcset``, compiled: candidates parsed as the HTML standard says, in linear time.

small.jpg 480w, large.jpg 1024w        icon.png, icon@2x.png 2x
                ^^^^^^^^^ 1024                    ^^^^^^^^^^^ 2
"""

from schemas.kernels.byte_scan import is_at_any_case
from schemas.kernels.compiled import leaf

_COMMA, _OPEN, _CLOSE = 44, 40, 41


@leaf
def _descriptor(data, begin, end):
    """Return the number before the ``w`` or ``x`` of the first descriptor, 1 for none."""
    number, scale = 0.0, 0.0
    for i in range(begin, end):
        byte = data[i]
        if 48 <= byte <= 57:
            if scale > 0:
                number += (byte - 48) * scale
                scale /= 10
            else:
                number = min(number * 10 + (byte - 48), 1e9)
        elif byte == 46 and scale == 0:
            scale = 0.1
        elif (byte == 119 or byte == 120) and i > begin:
            return number
        else:
            break
    return 1.0


@leaf
def largest(data, end):
    """Return (begin, end, width or density) of the largest image in ``data[:end]``, (-1, -1, 0) for none.

    The first of equals; an image without descriptor counts as ``1x``; ``data:`` addresses are left out.
    """
    found, found_end, most = -1, -1, 0.0
    i = 0
    while i < end:
        while i < end and (data[i] <= 32 or data[i] == _COMMA):
            i += 1
        begin = i
        while i < end and data[i] > 32:
            i += 1
        stop = i
        if stop > begin and data[stop - 1] == _COMMA:
            while stop > begin and data[stop - 1] == _COMMA:
                stop -= 1
            weight = 1.0
        else:
            while i < end and data[i] <= 32:
                i += 1
            descriptor = i
            depth = 0
            while i < end and (data[i] != _COMMA or depth > 0):
                depth += 1 if data[i] == _OPEN else -1 if data[i] == _CLOSE and depth > 0 else 0
                i += 1
            weight = _descriptor(data, descriptor, i)
        if stop > begin and weight > most and not is_at_any_case(data, begin, stop, b"data:"):
            found, found_end, most = begin, stop, weight
    return found, found_end, most
