"""``trainer evaluate probe``: training and test examples in, the measure of a linear classifier on features out.

C is chosen on validation examples (`strength_search`), and the classifier fitted once more on them and the training
examples together (CLIP, appendix A.3). Features are taken as they are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from schemas.existing_paths import exists
from schemas.printable import printable
from trainer.evaluate.embedded.chart import csv_table, png
from trainer.evaluate.embedded.common_examples import check_paths, check_rows
from trainer.evaluate.embedded.labelled_features import Reader, check_classes, class_folders
from trainer.evaluate.embedded.outcome import Outcome
from trainer.evaluate.embedded.several_labels import has_several_labels, label_sets
from trainer.evaluate.probe.config import ProbeConfig
from trainer.evaluate.probe.label_precisions import check_labels, label_rows, label_table, worst_line
from trainer.evaluate.probe.link import Link, Sigmoid, Softmax
from trainer.evaluate.probe.logistic_regression import Classifiers, Regression
from trainer.evaluate.probe.measures import MEASURES, SEVERAL_LABELS, Measure
from trainer.evaluate.probe.splits import held_out, held_out_of_labels
from trainer.evaluate.probe.strength_search import find_strength

COLUMNS = ("C", "measure on validation")


@dataclass(frozen=True)
class Rows:
    """Examples ``[N, D]``, in the type and on the device of the computation."""

    features_ND: torch.Tensor
    labels_N: torch.Tensor
    """Their classes, or for several labels an image their marks ``[N, K]`` (`LabelSets.marks`)."""

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
    """Return how scores become classes: one column for two classes, as in scikit-learn, else one for each.

    Marks ``[N, K]`` make K regressions of one label each, as scikit-learn's OneVsRestClassifier does.
    """
    if labels_N.ndim == 2:
        is_known_NK = (labels_N >= 0).to(dtype) if bool((labels_N < 0).any()) else None
        return Sigmoid((labels_N > 0).to(dtype), is_known_NK)
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
    given = {"train": config.train, "validation": config.validation, "test": config.test}
    paths = {f"--{name}": path for name, path in given.items() if path is not None}
    several = has_several_labels(config.train, config.label_separator)
    classes = _classes(config, paths, several)
    check_paths(paths, allows=config.allow_common)
    reader = Reader(config, list(paths.items()), config.layer, has_prompts=False)
    read = {
        option: reader.read_several(path, option, classes, config.layer, config.label_separator)
        if several
        else reader.read(path, option, classes, config.layer)
        for option, path in paths.items()
    }
    check_rows(read, paths, allows=config.allow_common)
    outcome = Outcome("trainer evaluate probe", config, _inputs(reader, {n[2:]: x.digest for n, x in read.items()}))
    device = reader.loaded.model.device if config.checkpoint else torch.device("cpu")
    rows = {
        option[2:]: Rows(
            x.features_NE.to(device, getattr(torch, config.dtype)), torch.from_numpy(x.labels_N).to(device)
        )
        for option, x in read.items()
    }
    if config.validation is None:
        hold_out = held_out_of_labels if several else held_out
        is_out_N = hold_out(read["--train"].labels_N, config.validation_share, config.seed)
        if not is_out_N.any():
            raise ValueError(f"--train: no class of {config.train} has two examples; give --validation")
        rows["train"], rows["validation"] = rows["train"].those(~is_out_N), rows["train"].those(is_out_N)
    if several:
        check_labels(rows["train"].labels_N.cpu().numpy(), classes, f"--train: {config.train}")
    measure = MEASURES[config.measure]
    found = probe(rows["train"], rows["validation"], len(classes), measure, config.max_iterations)
    scores_NK = class_scores(found.classifiers.scores(rows["test"].features_ND)[0])
    results: dict[str, Any] = {
        "measure": config.measure,
        "test": measure(scores_NK, read["--test"].labels_N),
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
    if several:
        results["labels"] = label_rows(scores_NK, read["--test"].labels_N, classes)
        outcome.write("labels.csv", label_table(results["labels"]), len(classes))
    outcome.write("strengths.csv", csv_table(COLUMNS, found.tried), len(found.tried))
    outcome.write("strengths.png", png(lambda axes: _draw(axes, found, config.measure)))
    outcome.finish(results, rows=len(scores_NK), summary={name: results[name] for name in ("measure", "test", "C")})
    print(
        f"{results['rows']['train']:,} training, {results['rows']['validation']:,} validation and "
        f"{len(scores_NK):,} test examples ({results['skipped']} skipped), {len(classes)} "
        f"{'labels' if several else 'classes'}, {results['dimensions']} dimensions: C {found.strength:.4g}, "
        f"{config.measure} {results['validation']:.1%} on validation, {results['test']:.1%} on test"
        + ("" if results["is_converged"] else f"; not converged after {config.max_iterations} iterations")
    )
    if several:
        print(printable(worst_line(results["labels"])))
    return results


def _classes(config: ProbeConfig, paths: dict[str, str], several: bool) -> list[str]:
    """Return the classes of the training examples. Raises ValueError for a data set that does not fit them."""
    if several and config.measure != SEVERAL_LABELS:
        raise ValueError(
            f"--measure: {config.measure} needs one label an image, those of {config.train} may have several; give "
            f"--measure {SEVERAL_LABELS}"
        )
    for option, path in paths.items():
        if exists(path) and has_several_labels(path, config.label_separator) != several:
            one, other = ("several labels", "one label") if several else ("one label", "several labels")
            raise ValueError(f"{option}: {path} has {other} an image, --train has {one}; give all in the same way")
    if several:
        classes = label_sets(config.train, "--train", config.label_separator).names
    else:
        classes = class_folders(config.train, "--train")
    if len(classes) < 2:
        found = f"one class, {classes[0]!r}" if classes else "no class"
        raise ValueError(f"--train: {config.train} has {found}; expected two or more")
    for option, path in paths.items():  # before a model is loaded
        if several:
            label_sets(path, option, config.label_separator).marks(classes, f"{option}: {path}")
        else:
            check_classes(path, option, classes)
    return classes


def _inputs(reader: Reader, digests: dict[str, str]) -> dict[str, str]:
    return {**digests, **({"model": reader.fingerprint} if reader.fingerprint else {})}


def _draw(axes: Any, found: Probed, measure: str) -> None:
    axes.plot(*zip(*found.tried, strict=True), marker="o", markersize=4)
    axes.axvline(found.strength, linestyle=":", color="#444444", label=f"C {found.strength:.3g}")
    axes.set_xscale("log")
    axes.set_xlabel("C")
    axes.set_ylabel(f"{measure} on validation")
    axes.legend()
