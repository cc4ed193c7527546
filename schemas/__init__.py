"""The records that join the parts: schemas, identities, manifests and the text normal form.

The three parts (``querygen``, ``pipeline``, ``trainer``) never import each other; what one writes and
another reads is described here and nowhere else.
"""

SCHEMA_VERSION = "1.6"
"""``major.minor`` of every folder; an older minor is read, another major is refused.

1.1: queries folders hold ``counts/synsets.parquet``; there are folders of the kind ``counts``.
1.2: candidates and selections have the column ``language_score``.
1.3: ``query_counts.parquet`` has the column ``fetched``.
1.4: ids in Parquet are ``binary`` (before: fixed_size_binary[16]); tables beside a folder's main one are in
``tables/``, what the files are is in ``README.md``; selections tell which images are ``stored``; shards have columns
image_ref, license and those carried through, numbers without holes, and ``further_captions/``; images are rejected as
``answer_malformed``, pairs as ``url_not_text`` and ``caption_not_text``; counts folders count pages that are no prose
or lack their text; manifests tell in ``normal_form`` what version of it the texts are in (before: 1).
1.5: shards have the column members and ``tables/shard_index.parquet``; there are folders of the kind ``index``.
1.6: shards have the columns signals, policy_decision, policy_rule, phash and exif.
"""
