"""``trainer evaluate robustness``: a model and test sets of the same classes in, accuracies side by side out.

Each shifted set is compared with the reference's images of the classes that it has, and its images are told apart by
these classes alone, as ImageNet-A and -R are (Taori et al. 2020, section 2).

Shapes: N images, K classes, E embedding.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from schemas.printable import print_lines, printable
from trainer.evaluate.class_names import read_classes
from trainer.evaluate.classify import embed_classes
from trainer.evaluate.embedded.chart import COLOURS, csv_table, png
from trainer.evaluate.embedded.labelled_features import LabelledFeatures, Reader
from trainer.evaluate.embedded.outcome import Outcome
from trainer.evaluate.prompts import read_templates
from trainer.evaluate.robustness.baseline_file import Baseline, read_baseline
from trainer.evaluate.robustness.config import RobustnessConfig
from trainer.evaluate.robustness.effective_robustness import BaselineFit, fit_baseline, logit


@dataclass(frozen=True)
class Compared:
    """A shifted test set beside the reference."""

    dataset: str
    classes: int
    """That it has images of."""
    images: int
    shifted: float
    """Accuracy on it."""
    reference: float
    """Accuracy on the reference's images of these classes."""
    expected: float | None = None
    """What standard models of that accuracy have on it."""
    effective_robustness: float | None = None


def accuracy_among(features: LabelledFeatures, classes_KE: torch.Tensor, among: np.ndarray) -> float:
    """Return the accuracy on the images of the classes `among`, told apart by these. Raises ValueError for none."""
    is_of_N = np.isin(features.labels_N, among)
    if not is_of_N.any():
        raise ValueError("no image of the classes that both test sets should have")
    cosines_Nk = features.features_NE[torch.from_numpy(is_of_N)] @ classes_KE[torch.from_numpy(among)].T
    return float((among[cosines_Nk.argmax(dim=1).numpy()] == features.labels_N[is_of_N]).mean())


def compare(
    name: str, reference: LabelledFeatures, shifted: LabelledFeatures, classes_KE: torch.Tensor, fit: BaselineFit | None
) -> Compared:
    """Return both accuracies, and with a fit the effective robustness."""
    among = np.unique(shifted.labels_N)
    on_shifted = accuracy_among(shifted, classes_KE, among)
    on_reference = accuracy_among(reference, classes_KE, among)
    found = Compared(name, len(among), len(shifted.labels_N), on_shifted, on_reference)
    if fit is None:
        return found
    told = {"expected": fit.expected(on_reference)}
    told["effective_robustness"] = fit.effective_robustness(on_reference, on_shifted)
    return Compared(**{**asdict(found), **told})


def robustness(config: RobustnessConfig) -> dict[str, Any]:
    """Run the comparison, print, write and return its results."""
    named, templates = read_classes(config.classes), read_templates(config.templates)
    classes = named.folders
    names = _names(config.shifted)
    baselines = {} if config.baseline is None else read_baseline(config.baseline)
    fits = {name: _fit(baselines, name, config) for name in names if config.baseline is not None}
    reader = Reader(config, [("--reference", config.reference), *(("--shifted", path) for path in config.shifted)])
    model, _, tokenizer = reader.loaded
    reference = reader.read(config.reference, "--reference", classes, "embedding")
    shifted = [reader.read(path, "--shifted", classes, "embedding") for path in config.shifted]
    texts = json.dumps(
        [named.titles, named.names, classes, templates, {name: asdict(baselines[name]) for name in fits}],
        sort_keys=True,
    )
    inputs = {"model": reader.fingerprint, "prompts and baseline": hashlib.sha256(texts.encode()).hexdigest()}
    inputs |= {"reference": reference.digest, **{name: x.digest for name, x in zip(names, shifted, strict=True)}}
    outcome = Outcome("trainer evaluate robustness", config, inputs)
    classes_KE = embed_classes(model, tokenizer, named, templates, config.batch_size).float().cpu()
    try:
        rows = [compare(name, reference, x, classes_KE, fits.get(name)) for name, x in zip(names, shifted, strict=True)]
    except ValueError as error:
        raise ValueError(f"--reference: {config.reference}: {error}") from error
    everything = accuracy_among(reference, classes_KE, np.arange(len(classes)))
    results = {
        "reference": everything,
        "reference_images": len(reference.labels_N),
        "mean_shifted": float(np.mean([row.shifted for row in rows])),
        "datasets": [asdict(row) for row in rows],
        "fits": {name: asdict(fit) for name, fit in fits.items()},
        "skipped": reference.skipped + sum(x.skipped for x in shifted),
    }
    columns = tuple(asdict(rows[0]))
    outcome.write("robustness.csv", csv_table(columns, [tuple(asdict(row).values()) for row in rows]), len(rows))
    for row in rows:
        of, fit = baselines.get(row.dataset), fits.get(row.dataset)
        outcome.write(f"robustness-{row.dataset}.png", png(partial(_draw, row=row, baseline=of, fit=fit)))
    outcome.finish(results, rows=len(rows), summary={name: results[name] for name in ("reference", "mean_shifted")})
    print_lines(_lines(results, rows))
    return results


def _names(paths: tuple[str, ...]) -> list[str]:
    names = [Path(path).resolve().name.removesuffix(".parquet") for path in paths]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"--shifted: two test sets are called {twice[0]!r}; rename a folder")
    return names


def _fit(baselines: dict[str, Baseline], name: str, config: RobustnessConfig) -> BaselineFit:
    if name not in baselines:
        known = ", ".join(sorted(baselines)) or "none"
        raise ValueError(f"--baseline: {config.baseline} has no models of dataset {name!r}; it has {known}")
    try:
        return fit_baseline(baselines[name].references, baselines[name].shifted)
    except ValueError as error:
        raise ValueError(f"--baseline: {config.baseline}, dataset {name!r}: {error}") from error


def _lines(results: dict[str, Any], rows: list[Compared]) -> list[str]:
    lines = [f"reference {results['reference']:.1%} of {results['reference_images']:,} images"]
    for row in rows:
        above = ""
        if row.expected is not None:
            above = f", standard models {row.expected:.1%}: effective robustness {row.effective_robustness:+.1%}"
        lines.append(
            f"{row.dataset}: {row.shifted:.1%} of {row.images:,} images, {row.classes} classes; reference among these "
            f"{row.reference:.1%}, {row.shifted - row.reference:+.1%}{above}"
        )
    return lines


def _draw(axes: Any, row: Compared, baseline: Baseline | None, fit: BaselineFit | None) -> None:
    """Both axes are scaled by logits, in which the standard models lie on a line; the diagonal loses nothing."""
    ends = np.array([0.01, 0.99])
    axes.plot(ends, ends, color="#777777", linestyle=":", label="as on the reference")
    if baseline is not None and fit is not None:
        axes.scatter(baseline.references, baseline.shifted, s=12, color=COLOURS[0], label="standard models")
        along = np.linspace(0.01, 0.99, 200)
        axes.plot(along, [fit.expected(float(x)) for x in along], color=COLOURS[0], linewidth=1.2)
    inside = np.clip([row.reference, row.shifted], 0.01, 0.99)
    axes.scatter(*inside[:, None], s=60, marker="*", color=COLOURS[1], label="this model", zorder=3)
    for which in ("x", "y"):
        getattr(axes, f"set_{which}scale")("function", functions=(_clipped_logit, _inverse_logit))
        getattr(axes, f"set_{which}lim")(0.01, 0.99)
        getattr(axes, f"set_{which}ticks")([0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98])
    axes.set_xlabel("accuracy on the reference, same classes")
    axes.set_ylabel(f"accuracy on {printable(row.dataset)}")
    axes.legend()


def _clipped_logit(values: np.ndarray) -> np.ndarray:
    return logit(np.clip(values, 1e-6, 1 - 1e-6))


def _inverse_logit(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))
