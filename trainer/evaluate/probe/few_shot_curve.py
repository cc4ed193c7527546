"""``trainer evaluate few-shot``: classifiers of a few examples beside zero-shot, as table, curve and crossing point."""

from typing import Any

from schemas.printable import print_lines
from trainer.evaluate.class_names import read_classes
from trainer.evaluate.classify import embed_classes
from trainer.evaluate.embedded.chart import COLOURS, csv_table, png
from trainer.evaluate.embedded.common_examples import check_paths, check_rows
from trainer.evaluate.embedded.labelled_features import Reader
from trainer.evaluate.embedded.outcome import Outcome
from trainer.evaluate.probe.config import FewShotConfig
from trainer.evaluate.probe.few_shot import CLASSIFIERS, crossing, few_shot, mean_curve, zero_shot_accuracy
from trainer.evaluate.prompts import prompts_sha256, read_templates

COLUMNS = ("classifier", "shots", "seed", "accuracy")


def few_shot_curve(config: FewShotConfig) -> dict[str, Any]:
    """Run the comparison, print, write and return its results."""
    named, templates = read_classes(config.classes), read_templates(config.templates)
    classes = named.folders
    paths = {"--train": config.train, "--test": config.test}
    check_paths(paths, allows=config.allow_common)
    reader = Reader(config, list(paths.items()))
    model, _, tokenizer = reader.loaded
    train = reader.read(config.train, "--train", classes, "embedding")
    test = reader.read(config.test, "--test", classes, "embedding")
    check_rows({"--train": train, "--test": test}, paths, allows=config.allow_common)
    texts = prompts_sha256(named, templates)
    inputs = {"model": reader.fingerprint, "prompts": texts, "train": train.digest, "test": test.digest}
    outcome = Outcome("trainer evaluate few-shot", config, inputs)
    classes_KE = embed_classes(model, tokenizer, named, templates, config.batch_size).float()
    train_NE, test_ME = train.features_NE.to(classes_KE.device), test.features_NE.to(classes_KE.device)
    try:
        points = few_shot(
            train_NE, train.labels_N, test_ME, test.labels_N,
            shots=config.shots, seeds=config.seeds, strength=config.strength,
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"--train: {config.train}: {error}; classes are numbered as in --classes, from 0") from error
    zero_shot = zero_shot_accuracy(test_ME, test.labels_N, classes_KE)
    curves = {name: mean_curve(points, name) for name in CLASSIFIERS}
    results = {
        "zero_shot": zero_shot,
        "curves": {name: [dict(zip(("shots", "mean", "std"), row, strict=True)) for row in curves[name]]
                   for name in CLASSIFIERS},
        "crossing": {name: crossing(curves[name], zero_shot) for name in CLASSIFIERS},
        "classes": len(classes),
        "test_images": len(test.labels_N),
        "skipped": train.skipped + test.skipped,
    }  # fmt: skip
    rows = [(p.classifier, p.shots, p.seed, p.accuracy) for p in points]
    outcome.write("few-shot.csv", csv_table(COLUMNS, rows), len(rows))
    outcome.write("few-shot.png", png(lambda axes: _draw(axes, results)))
    outcome.finish(results, rows=len(rows), summary={"zero_shot": zero_shot, "crossing": results["crossing"]})
    print_lines(_lines(results))
    return results


def _lines(results: dict[str, Any]) -> list[str]:
    lines = [
        f"zero-shot {results['zero_shot']:.1%} on {results['test_images']:,} images, {results['classes']} classes "
        f"({results['skipped']} skipped)"
    ]
    for name, curve in results["curves"].items():
        told = ", ".join(f"{row['shots']}: {row['mean']:.1%} +- {row['std']:.1%}" for row in curve)
        at = results["crossing"][name]
        reached = f"as good as zero-shot at {at:.1f} examples a class" if at is not None else "below zero-shot"
        lines.append(f"{name}: {told}; {reached}")
    return lines


def _draw(axes: Any, results: dict[str, Any]) -> None:
    for (name, curve), colour in zip(results["curves"].items(), COLOURS, strict=False):
        shots, means, deviations = ([row[key] for row in curve] for key in ("shots", "mean", "std"))
        axes.errorbar(shots, [100 * m for m in means], [100 * d for d in deviations], color=colour, marker="o",
                      markersize=4, capsize=2, label=name)  # fmt: skip
        if (at := results["crossing"][name]) is not None:
            axes.plot([at], [100 * results["zero_shot"]], color=colour, marker="D", markersize=6)
    axes.axhline(100 * results["zero_shot"], color="#444444", linestyle="--", label="zero-shot")
    axes.set_xscale("log", base=2)
    ticks = [row["shots"] for curve in results["curves"].values() for row in curve]
    axes.set_xticks(sorted(set(ticks)), [str(tick) for tick in sorted(set(ticks))])
    axes.set_xlabel("examples a class")
    axes.set_ylabel("accuracy, %")
    axes.legend()
