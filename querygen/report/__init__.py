"""``querygen report``: a queries folder as one page.

`figures` computes the numbers, `charts` draws them, `page` puts both into HTML.
"""
