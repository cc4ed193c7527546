"""A wiki read live, without a dump: the pages of one category and its subcategories.

Read in the order of the data: `polite` (one request), `wiki` (which wiki), `category` (which pages), `page_cache`
(what is kept on disk), `pages` (the pages as `querygen.wiki.dump.Page`).
"""
