"""What a run tells while it goes: the columns of metrics.csv."""

from dataclasses import dataclass

METRICS_FILE = "metrics.csv"
EVALUATIONS_FILE = "evaluations.csv"
TRAINING_FILE = "training.json"


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """One row of metrics.csv; loss and gradient norm are means over the steps since the row before."""

    step: int
    epoch: float
    samples: int
    loss: float
    logit_scale: float
    learning_rate: float
    samples_per_s: float
    data_wait_share: float
    """Share of the time that the first worker waited for data."""
    replaced: int
    gradient_norm: float
    """Of all gradients together (L2), before they are clipped."""
    skipped: int
    """Steps of the run so far that were left out because a gradient was not finite."""
    mfu: float | None
    """Share of the devices' peak that the model's products of real tokens and pixels took; None on a CPU."""
    memory_gb: float | None
    """Most memory that the first worker's tensors took on its device so far, in 10^9 bytes; None on a CPU."""
