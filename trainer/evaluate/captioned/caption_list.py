"""A CSV or TSV of paths and captions, a row a caption: rows of one path are the captions of one image."""

from pathlib import Path

from schemas.existing_paths import is_file, read_bytes
from trainer.evaluate.captioned.captioned import Captioned
from trainer.evaluate.labelled.columns import find_column
from trainer.evaluate.labelled.path_list import PATH_COLUMNS, read_texts

CAPTION_COLUMNS = ("caption", "captions", "text", "title", "comment", "raw", "sentence")


def captions_of_list(path: str, image_dir: str | None, option: str) -> Captioned:
    """Return the images that a list names, in the order of their first rows.

    Paths are below `image_dir`, by default the list's folder. Raises ValueError that names the file for one without
    such columns, FileNotFoundError for one without rows.
    """
    root = Path(path).parent if image_dir is None else Path(image_dir)
    where = f"{option}: {path}"
    table = read_texts(path, where)
    path_name = find_column(table.column_names, PATH_COLUMNS, "path", where)
    caption_name = find_column(table.column_names, CAPTION_COLUMNS, "caption", where)
    captions: dict[str, list[str]] = {}
    passed_over = 0
    for batch in table.select([path_name, caption_name]).to_batches(max_chunksize=1 << 16):
        for name, caption in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            if name is None or caption is None or not caption.strip():
                passed_over += 1
            else:
                captions.setdefault(name, []).append(caption.strip())
    if not captions:
        raise FileNotFoundError(f"{where} has no row with a path and a caption")
    names = list(captions)
    files = [root / name for name in names]
    sizes = [file.stat().st_size if is_file(file) else -1 for file in files]
    return Captioned(names, list(captions.values()), passed_over, lambda place: read_bytes(files[place]), sizes)
