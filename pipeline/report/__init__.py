"""``pipeline report``: a finished run, or one of its stages, as one page.

`stages` finds the folders, `funnel`, `queries`, `pairs`, `stored` and `content` compute the numbers, `thumbnails` the
pictures, `charts` draws, `page` puts all into HTML.
"""
