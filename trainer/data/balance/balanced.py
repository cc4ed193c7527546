"""Online balancing of a run's sources, once the chances of its samples are in its folder.

In: the sources and the run's folder. Out: the samples that each source draws for each epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.storage import Folder
from trainer.data.balance.chance_file import Chances, Expected, read_expected
from trainer.data.balance.chances import UNIT
from trainer.data.balance.drawn_epochs import STORED_SAMPLES, DrawnEpochs
from trainer.data.row_reader import SOURCE_BITS
from trainer.data.shard_source import ShardSource


@dataclass(frozen=True)
class Balanced:
    """Where the chances are, and what this worker does."""

    index: Folder
    """The folder in the run's that `prepare_chances` wrote to."""
    stores: bool = False
    """Whether it stores the bits of large sources for the others."""
    stored_samples: int = STORED_SAMPLES
    """A source of fewer is drawn by each worker."""

    def draw(self, sources: Sequence[ShardSource], seed: int) -> list[DrawnEpochs]:
        """Return what each source draws; the sources are the folders of the chances, joined or one by one.

        Raises ValueError for another number of samples, and for a source of which no sample is expected in an epoch.
        """
        expected = read_expected(self.index)
        drawn, first, folder = [], 0, 0
        for number, source in enumerate(sources):
            folders = range(folder, folder + len(source.folders))
            if sum(expected.samples[one] for one in folders) != source.num_samples:
                raise ValueError(
                    f"{self.index.url}: chances of {sum(expected.samples)} samples, the shards have "
                    f"{sum(one.num_samples for one in sources)}; delete the folder, the same command makes it again"
                )
            drawn.append(
                DrawnEpochs(
                    Chances(self.index, first, source.num_samples),
                    source.blocks,
                    expected=_size(expected, source, folders),
                    seed=seed,
                    source=number,
                    first_id=number << SOURCE_BITS,
                    stores=self.stores,
                    stored_samples=self.stored_samples,
                )
            )
            drawn[-1].store(0)
            first += source.num_samples
            folder += len(source.folders)
        return drawn


def _size(expected: Expected, source: ShardSource, folders: range) -> int:
    """Return how many samples of a source an epoch has, on average."""
    size = (sum(expected.drawn[folder] for folder in folders) + UNIT // 2) // UNIT
    if not size:
        raise ValueError(
            f"--balance online: an empty mix: of {source.num_samples} samples in "
            f"{', '.join(folder.url for folder in source.folders)} no one is expected in an epoch with --cap "
            f"{expected.cap}: their captions match no query; expected shards of captions that do"
        )
    return size
