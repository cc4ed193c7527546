"""``trainer evaluate probe``: training and test examples in, the measure of a linear classifier on features out.

C is chosen on validation examples (`strength_search`), and the classifier fitted once more on them and the training
examples together (CLIP, appendix A.3). Features are taken as they are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from trainer.evaluate.embedded.chart import csv_table, png
from trainer.evaluate.embedded.labelled_features import Reader, check_classes, class_folders
from trainer.evaluate.embedded.outcome import Outcome
from trainer.evaluate.probe.config import ProbeConfig
from trainer.evaluate.probe.link import Link, Sigmoid, Softmax
from trainer.evaluate.probe.logistic_regression import Classifiers, Regression
from trainer.evaluate.probe.measures import MEASURES, Measure
from trainer.evaluate.probe.splits import held_out
from trainer.evaluate.probe.strength_search import find_strength

COLUMNS = ("C", "measure on validation")


@dataclass(frozen=True)
class Rows:
    """Examples ``[N, D]`` with their classes ``[N]``, in the type and on the device of the computation."""

    features_ND: torch.Tensor
    labels_N: torch.Tensor

    def those(self, is_wanted_N: np.ndarray) -> "Rows":
        wanted = torch.from_numpy(is_wanted_N).to(self.labels_N.device)
        return Rows(self.features_ND[wanted], self.labels_N[wanted])


@dataclass(frozen=True)
class Probed:
    """The end of a probe."""

    strength: float
    tried: list[tuple[float, float]]
    """Each C with its measure on the validation rows."""
    classifiers: Classifiers
    """Of training and validation rows, with the chosen C."""


def class_link(labels_N: torch.Tensor, classes: int, dtype: torch.dtype) -> Link:
    """Return how scores become classes, as in scikit-learn: one column for two classes, else one for each."""
    return Softmax(labels_N, classes) if classes > 2 else Sigmoid(labels_N[:, None].to(dtype))


def class_scores(scores_NK: torch.Tensor) -> np.ndarray:
    """Return a score for each class, also where one column stands for two."""
    if scores_NK.shape[1] == 1:
        scores_NK = torch.cat([torch.zeros_like(scores_NK), scores_NK], dim=1)
    return scores_NK.cpu().numpy()


def probe(train: Rows, validation: Rows, classes: int, measure: Measure, max_iterations: int) -> Probed:
    """Choose C on the validation rows and fit all. Raises ValueError where the measure cannot be taken there."""
    labels_N = validation.labels_N.cpu().numpy()
    link = class_link(train.labels_N, classes, train.features_ND.dtype)
    found = find_strength(
        Regression(train.features_ND, link),
        lambda scores_NK: measure(class_scores(scores_NK), labels_N),
        validation.features_ND,
        link.num_columns,
        max_iterations=max_iterations,
    )
    features_ND = torch.cat([train.features_ND, validation.features_ND])
    link = class_link(torch.cat([train.labels_N, validation.labels_N]), classes, features_ND.dtype)
    fitted = Regression(features_ND, link).fit([found.strength], found.classifiers, max_iterations=max_iterations)
    return Probed(found.strength, found.tried, fitted)


def linear_probe(config: ProbeConfig) -> dict[str, Any]:
    """Run the probe, print, write and return its results."""
    reader, classes = Reader(config), class_folders(config.train, "--train")
    if len(classes) < 2:
        raise ValueError(f"--train: {config.train} has one class, {classes[0]!r}; expected two or more")
    given = {"train": config.train, "validation": config.validation, "test": config.test}
    paths = {name: path for name, path in given.items() if path is not None}
    for name, path in paths.items():  # before a model is loaded
        check_classes(path, f"--{name}", classes)
    read = {name: reader.read(path, f"--{name}", classes, config.layer) for name, path in paths.items()}
    outcome = Outcome("trainer evaluate probe", config, _inputs(reader, {n: x.digest for n, x in read.items()}))
    device = reader.loaded.model.device if config.checkpoint else torch.device("cpu")
    rows = {
        name: Rows(x.features_NE.to(device, getattr(torch, config.dtype)), torch.from_numpy(x.labels_N).to(device))
        for name, x in read.items()
    }
    if config.validation is None:
        is_out_N = held_out(read["train"].labels_N, config.validation_share, config.seed)
        if not is_out_N.any():
            raise ValueError(f"--train: no class of {config.train} has two examples; give --validation")
        rows["train"], rows["validation"] = rows["train"].those(~is_out_N), rows["train"].those(is_out_N)
    measure = MEASURES[config.measure]
    found = probe(rows["train"], rows["validation"], len(classes), measure, config.max_iterations)
    scores_NK = class_scores(found.classifiers.scores(rows["test"].features_ND)[0])
    results: dict[str, Any] = {
        "measure": config.measure,
        "test": measure(scores_NK, read["test"].labels_N),
        "validation": dict(found.tried)[found.strength],
        "C": found.strength,
        "tried": found.tried,
        "is_converged": found.classifiers.is_converged[0],
        "iterations": found.classifiers.iterations[0],
        "classes": len(classes),
        "dimensions": rows["train"].features_ND.shape[1],
        "rows": {name: len(part.labels_N) for name, part in rows.items()},
        "skipped": sum(part.skipped for part in read.values()),
    }
    outcome.write("strengths.csv", csv_table(COLUMNS, found.tried), len(found.tried))
    outcome.write("strengths.png", png(lambda axes: _draw(axes, found, config.measure)))
    outcome.finish(results, rows=len(scores_NK), summary={name: results[name] for name in ("measure", "test", "C")})
    print(
        f"{results['rows']['train']:,} training, {results['rows']['validation']:,} validation and "
        f"{len(scores_NK):,} test examples ({results['skipped']} skipped), {len(classes)} classes, "
        f"{results['dimensions']} dimensions: C {found.strength:.4g}, {config.measure} "
        f"{results['validation']:.1%} on validation, {results['test']:.1%} on test"
        + ("" if results["is_converged"] else f"; not converged after {config.max_iterations} iterations")
    )
    return results


def _inputs(reader: Reader, digests: dict[str, str]) -> dict[str, str]:
    return {**digests, **({"model": reader.fingerprint} if reader.fingerprint else {})}


def _draw(axes: Any, found: Probed, measure: str) -> None:
    axes.plot(*zip(*found.tried, strict=True), marker="o", markersize=4)
    axes.axvline(found.strength, linestyle=":", color="#444444", label=f"C {found.strength:.3g}")
    axes.set_xscale("log")
    axes.set_xlabel("C")
    axes.set_ylabel(f"{measure} on validation")
    axes.legend()
