"""The end of a shards folder, as far as it needs all images together: placeholders, what looked like whose image."""

from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc

from pipeline.download.content.evaluation_set import finish_evaluation
from pipeline.download.content.options import ContentOptions
from pipeline.download.content.placeholders import find_placeholders, remove_placeholders, write_placeholders
from pipeline.download.shard.numbering import PlanUnit
from schemas.storage import FileRecord, Folder


def finish_content(
    shards: Folder, numbered: Sequence[PlanUnit], options: ContentOptions
) -> tuple[list[FileRecord], dict[str, Any]]:
    """Write the tables of the finished plans; return their records, and what the summary says of them."""
    files, evaluation_images = finish_evaluation(shards, numbered, options.decontaminate_bits)
    summary: dict[str, Any] = {"evaluation_images": evaluation_images} if files else {}
    if options.placeholder_urls:
        found = find_placeholders(shards, numbered, options.placeholder_urls)
        files.append(write_placeholders(shards, found))
        summary |= {"placeholders": len(found), "placeholder_urls": pc.sum(found["urls"]).as_py() or 0}
        if options.remove_placeholders:
            remove_placeholders(shards, found)
    return files, summary
