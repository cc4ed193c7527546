"""Captions that a refill selected for images stored before: by key, for whoever reads the samples of a run."""

from collections.abc import Iterable

from schemas.arrow_types import values_of
from schemas.sample import FURTHER_CAPTIONS
from schemas.shards_folder import further_captions
from schemas.storage import Folder
from schemas.tables import read_table


def further_captions_by_key(folders: Iterable[Folder]) -> dict[str, list[str]]:
    """Return the further captions of all `folders` of a run, in the order of their plans.

    A caption may stand in another folder than its image: that of a later round.
    """
    tables = sorted(
        (plan, number, name, folder) for number, folder in enumerate(folders) for plan, name in further_captions(folder)
    )
    found: dict[str, list[str]] = {}
    for _, _, name, folder in tables:
        table = read_table(folder, name, FURTHER_CAPTIONS, columns=["key", "captions"])
        for key, captions in zip(values_of(table["key"]), values_of(table["captions"]), strict=True):
            found.setdefault(key, []).extend(captions)
    return found
