"""Makes the query list: Wikipedia dump, page views and WordNet in, ``queries/`` out."""
