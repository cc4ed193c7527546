"""Where the loss of a run must lie early on: a recipe's file, or a name, in, why a run is broken out.

{"100": [6.0, 9.5], "1000": [3.0, 6.5]}     step: lowest and highest loss of the first row of metrics from there on
"""

from schemas.json_object import parse_object
from schemas.json_shape import check_json
from schemas.storage import Folder
from trainer.presets import Recipe
from trainer.telling.early_loss import NAMES, early_loss


class ExpectedLoss:
    """The ranges of one recipe."""

    def __init__(self, ranges: dict[int, tuple[float, float]], where: str) -> None:
        self._ranges = ranges
        self._where = where

    def check_reached(self, total_steps: int) -> None:
        """Raise ValueError where a range is of a step that a run of so many does not have."""
        beyond = [step for step in self._ranges if step > total_steps]
        if beyond:
            raise ValueError(
                f"--expect-loss: {self._where} has a range from step {min(beyond)} on, the run ends with step "
                f"{total_steps}; leave it out"
            )

    def fault(self, after_step: int, step: int, loss: float) -> str | None:
        """Return why the row of `step`, which follows that of `after_step`, is not what was expected; None if it is."""
        for wanted_step, (low, high) in sorted(self._ranges.items()):
            if after_step < wanted_step <= step and not low <= loss <= high:
                return (
                    f"the loss at step {step} is {loss:.4g}, {self._where} expects {low:.4g} to {high:.4g} from step "
                    f"{wanted_step} on: the run is broken (data, learning rate, batch size?); it is saved, and goes on "
                    "without --expect-loss"
                )
        return None


def expected_loss(named: str, recipe: Recipe, embed_dim: int, warmup_steps: int) -> ExpectedLoss:
    """Return the ranges that `--expect-loss` names: derived ones by their name, else those of a file."""
    if named not in NAMES:
        return read_expected_loss(named)
    ranges = early_loss(
        named, global_batch_size=recipe.global_batch_size, embed_dim=embed_dim, warmup_steps=warmup_steps
    )
    return ExpectedLoss(ranges, f"--expect-loss {named}")


def read_expected_loss(path: str) -> ExpectedLoss:
    """Read a recipe's file, by path or URL. Raises ValueError or FileNotFoundError that names it."""
    folder, _, name = path.rpartition("/")
    try:
        data = Folder(folder or ("/" if path.startswith("/") else ".")).read(name)
    except FileNotFoundError:
        raise FileNotFoundError(f"--expect-loss: no such file {path!r}") from None
    body = parse_object(data, path)
    check_json(body, {str: (float | int, float | int)}, path, 'ranges of the loss by step, such as {"100": [6.0, 9.5]}')
    bad = [step for step, (low, high) in body.items() if not step.isdigit() or low > high]
    if bad:
        raise ValueError(
            f"{path}: expected a step with its lowest and highest loss, found {bad[0]!r}: {list(body[bad[0]])}"
        )
    return ExpectedLoss({int(step): (low, high) for step, (low, high) in body.items()}, path)
