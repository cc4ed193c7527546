"""Checked pairs for tests of filters, without the checks: any caption, any URL."""

import pyarrow as pa

from pipeline.sources.source import raw_schema
from schemas.identity import image_ids, normalise_urls, pair_ids


def checked_pairs(
    captions: list[str], urls: list[str] | None = None, languages: list[str | None] | None = None
) -> pa.Table:
    """Return a table as `pipeline.collect.raw_pairs.check_pairs` gives; URLs are made unless given."""
    size = len(captions)
    url = pa.array(urls if urls is not None else [f"http://a.example/{n}.jpg" for n in range(size)], pa.string())
    schema = raw_schema(None)
    texts = pa.array(captions, pa.string())
    columns = {
        "url": url,
        "caption": texts,
        "text_source": pa.repeat(pa.scalar("alt"), size),
        "source_row": pa.array(range(size), pa.int64()),
        "language": pa.array(languages if languages is not None else [None] * size, pa.string()),
    }
    raw = pa.Table.from_arrays([columns.get(field.name, pa.nulls(size, field.type)) for field in schema], schema=schema)
    image = image_ids(normalise_urls(url)[0])
    identified = raw.append_column("raw_caption", texts).append_column("image_id", image)
    return identified.append_column("pair_id", pair_ids(image, texts))
