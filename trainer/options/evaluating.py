"""How a run is measured while it goes."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from schemas.option_group import OptionGroup, check_at_least
from schemas.run_options import NotIdentity
from trainer.evaluate.measures import RETRIEVAL, ZERO_SHOT


@dataclass(frozen=True, kw_only=True)
class EvaluatingOptions(OptionGroup):
    """How a run is measured while it goes."""

    evaluate_every_steps: NotIdentity[int | None] = None
    """Steps between evaluations, by all workers together; there is one at the end, too. They change nothing."""
    evaluate_dataset: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="DIR")]] = None
    """For zero-shot accuracy: a folder with a folder of images per class, as `trainer evaluate zero-shot` takes it."""
    evaluate_classes: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="FILE")]] = None
    """Its class names, one per line."""
    evaluate_templates: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE")]] = None
    """Its prompts: a set by name (general, ...), or a file, one per line, with {} for the class name."""
    evaluate_shards: NotIdentity[Annotated[str | None, tyro.conf.arg(metavar="DIR")]] = None
    """For retrieval: a folder of shards that are held out. Of the first samples each finds its first caption among all
    captions, and is found by it."""
    evaluate_samples: NotIdentity[int] = 1_000
    """Samples of retrieval."""
    evaluate_batch_size: NotIdentity[int] = 256
    """Images or texts per forward pass of an evaluation, on each worker."""

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what is measured."""
        return (ZERO_SHOT if self.evaluate_dataset else ()) + (RETRIEVAL if self.evaluate_shards else ())

    def _check(self) -> None:
        check_at_least(self, {"evaluate_every_steps": 1, "evaluate_samples": 2, "evaluate_batch_size": 1})
        of_zero_shot = {
            name: getattr(self, name) for name in ("evaluate_dataset", "evaluate_classes", "evaluate_templates")
        }
        missing = [name for name, value in of_zero_shot.items() if value is None]
        if 0 < len(missing) < len(of_zero_shot):
            raise ValueError(f"zero-shot takes {', '.join(of_zero_shot)} together, found no {missing[0]}")
        measured = not missing or self.evaluate_shards is not None
        if measured and self.evaluate_every_steps is None:
            raise ValueError("evaluate_dataset and evaluate_shards take evaluate_every_steps, found none")
        if self.evaluate_every_steps is not None and not measured:
            raise ValueError("evaluate_every_steps takes evaluate_dataset or evaluate_shards, found neither")
