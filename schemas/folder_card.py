"""``README.md`` of an output folder: what its files are, for people, and for ``datasets`` which of them are the data.

Hugging Face's ``load_dataset(folder)`` takes every file below a folder unless a card of this form names them.
"""

_OF_ALL_SHARDS = (
    "- `without-images-NNNNN.parquet`, `without-images-NNNNN_stats.json`: the same of a plan without an image.",
    "- `further_captions/NNNNN.parquet`: captions that a refill selected for images stored before, by key.",
    "- `sizes.json`: samples per shard.",
    "- `tables/queries.parquet`, `tables/query_counts.parquet`: the queries; by query what was matched, kept,"
    " selected.",
)

CARDS = {
    "queries": (
        "queries.parquet",
        "# Query list",
        "- `queries.parquet`: a row per query, by query_id.",
        "- `counts/`: words, bigrams, titles and synset heads, in the list or not.",
    ),
    "candidates": (
        "*.parquet",
        "# Candidates: image-text pairs whose caption contains a query",
        "- `NNNNN.parquet`: a row per pair: pair_id, image_id, url or image_ref, caption, query_ids, ...",
    ),
    "selection": (
        "*.parquet",
        "# Selection: the pairs that some query keeps",
        "- `NNNNN.parquet`: a plan of images to fetch, a row per pair, sorted by image_id, rank, pair_id.",
        "- `tables/queries.parquet`, `tables/query_counts.parquet`: the queries; by query what was matched, kept,"
        " selected.",
    ),
    "shards": (
        "*.tar",
        "# Shards: images with their captions",
        "- `NNNNN.tar`: WebDataset; of each image `KEY.jpg` (or png, webp), `KEY.json`, `KEY.txt`. Numbered without"
        " holes, none is empty, no key stands twice.",
        "- `NNNNN.parquet`: a row per image asked for, failures included; `NNNNN_stats.json`: how it went.",
        "- `without-images-NNNNN.parquet`, `without-images-NNNNN_stats.json`: the same of a plan without one.",
        "- `further_captions/NNNNN.parquet`: captions that a refill selected for images stored before, by key: they are"
        " not in the tars.",
        "- `sizes.json`: samples per tar; `tables/shard_index.parquet`: where every 32nd sample of each begins.",
        "- `tables/queries.parquet`, `tables/query_counts.parquet`: the queries; by query what was matched, kept,"
        " selected.",
    ),
    "shards as files": (
        "*.parquet",
        "# Images with their captions, as files",
        "- `NNNNN/`: of each image `KEY.jpg` (or png, webp), `KEY.json`, `KEY.txt`. No key stands twice.",
        "- `NNNNN.parquet`: a row per image asked for, failures included; `NNNNN_stats.json`: how it went.",
        "- `contents/NNNNN.parquet`: by plan (`plan` in `NNNNN_stats.json`): bytes and SHA-256 of each file.",
        *_OF_ALL_SHARDS,
    ),
    "shards as parquet": (
        "*.parquet",
        "# Images with their captions, as tables",
        "- `NNNNN.parquet`: a row per image asked for, failures included: its bytes in column `jpg` (or png, webp), its"
        " captions in `captions`; `NNNNN_stats.json`: how it went.",
        *_OF_ALL_SHARDS,
    ),
    "features": (
        "features/*.parquet",
        "# Features of images and texts",
        "- `features/NNNNN.parquet`: a row per image, text or pair, in the order of the input: id, caption, query, and"
        " `image_features`, `text_features`, of length one.",
        "- `unusable/NNNNN.parquet`: what is no row, with the reason; `parts/NNNNN.json`: how each file was made.",
    ),
    "filtered": (
        "removed.parquet",
        "# Samples that are not to be used, chosen by their features",
        "- `removed.parquet`: key and reason of each; `pipeline remove` notes them beside their shards.",
        "- `near_duplicates.parquet`: of each near-duplicate the sample that it is like, and their images' cosine.",
        "- `evaluation_matches.parquet`: which image of which evaluation set a sample is like, and their cosine.",
    ),
}
"""By kind of folder: pattern of its data, title, lines."""

EVERY_FOLDER = (
    "- `rejections/*.parquet`: what was broken, with the reason.",
    "- `run.json`: who made this, from what; `manifest.json`: counts, written last;"
    " `tables/files.parquet`: rows, bytes and SHA-256 of each file.",
)


def folder_card(kind: str) -> bytes | None:
    """Return the card of a folder of `kind`, None where it has none."""
    if kind not in CARDS:
        return None
    pattern, title, *lines = CARDS[kind]
    head = ("---", "configs:", "- config_name: default", f'  data_files: "{pattern}"', "---", title, "")
    return "\n".join([*head, *lines, *EVERY_FOLDER, ""]).encode()
