"""Named settings of the query list: what the paper says, and what its published reconstruction did.

CLIP (section 2.2) states one number, 100 occurrences of a word; MetaCLIP ("Demystifying CLIP Data", section 3.1, table
1) states a threshold for each source. Its threshold of 30 for bigrams is not in bits over running words: there PMI is
at most log2(N / 100), about 25 for English, so a bigram's threshold is the place where its budget ends, in both.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Thresholds; budgets are those of `querygen.query_list.query_list.PROPORTIONS` in either preset."""

    min_word_count: int
    min_bigram_count: int
    min_views: int


PRESETS = {
    "clip": Preset(min_word_count=100, min_bigram_count=100, min_views=1),
    "metaclip": Preset(min_word_count=100, min_bigram_count=10, min_views=70),
}
"""metaclip: titles viewed 70 times; bigrams seen ten times, so that PMI alone decides far more of them."""
