"""A wiki's pages: dumps, tables of articles, the live wiki."""
