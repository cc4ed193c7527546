"""``trainer prompts``: images, classes and templates in, what each template and ensemble is worth out.

Shapes: N images, K classes, T templates, E embedding.
"""

from typing import Any

import torch

from schemas.printable import one_line, print_lines
from trainer.evaluate.class_names import read_classes
from trainer.evaluate.embedded.chart import COLOURS, csv_table, png
from trainer.evaluate.embedded.labelled_features import Reader
from trainer.evaluate.embedded.outcome import Outcome
from trainer.evaluate.probe.splits import held_out
from trainer.evaluate.prompting.config import PromptsConfig
from trainer.evaluate.prompting.ensembles import each_template, ensemble_accuracy, greedy_ensemble
from trainer.evaluate.prompts import prompts, prompts_sha256, read_templates
from trainer.use.encode import encode_texts

COLUMNS = ("template", "alone", "added to all others", "place in the greedy ensemble")
MAX_DRAWN = 40


def measure_prompts(config: PromptsConfig) -> dict[str, Any]:
    """Run the measurement, print, write and return its results."""
    named, templates = read_classes(config.classes), read_templates(config.templates)
    classes = named.folders
    reader = Reader(config, [("--dataset", config.dataset)])
    model, _, tokenizer = reader.loaded
    images = reader.read(config.dataset, "--dataset", classes, "embedding")
    texts = prompts_sha256(named, templates)
    outcome = Outcome(
        "trainer prompts", config, {"model": reader.fingerprint, "prompts": texts, "dataset": images.digest}
    )
    if any(len(names) > 1 for names in named.names):
        raise ValueError(f"--classes: {config.classes}: expected one name a class, as templates are compared")
    encoded = encode_texts(model, tokenizer, prompts(named, templates), config.batch_size)
    prompts_KTE = torch.cat(list(encoded)).float().view(len(classes), len(templates), -1)
    labels_N = torch.from_numpy(images.labels_N)
    alone = each_template(images.features_NE, labels_N, prompts_KTE)
    is_measured_N = torch.from_numpy(held_out(images.labels_N, 0.5, config.seed))
    if not is_measured_N.any():
        raise ValueError(
            f"--dataset: no class of {config.dataset} has two images to choose an ensemble on and measure it"
        )
    chosen = greedy_ensemble(
        images.features_NE[~is_measured_N], labels_N[~is_measured_N], prompts_KTE, config.max_ensemble
    )
    others_NE, others_N = images.features_NE[is_measured_N], labels_N[is_measured_N]
    order = [template for template, _ in chosen]
    every = list(range(len(templates)))
    results: dict[str, Any] = {
        "all": ensemble_accuracy(images.features_NE, labels_N, prompts_KTE, every),
        "templates": [
            {"template": templates[one.template], "alone": one.accuracy, "added": one.added} for one in alone
        ],
        "greedy": [
            {
                "template": templates[template],
                "chosen_on": value,
                "measured": ensemble_accuracy(others_NE, others_N, prompts_KTE, order[: place + 1]),
            }
            for place, (template, value) in enumerate(chosen)
        ],
        "all_measured": ensemble_accuracy(others_NE, others_N, prompts_KTE, every),
        "images": len(labels_N),
        "measured_images": len(others_N),
        "classes": len(classes),
        "skipped": images.skipped,
    }
    places = {template: place + 1 for place, template in enumerate(order)}
    rows = [(templates[one.template], one.accuracy, one.added, places.get(one.template, "")) for one in alone]
    outcome.write("prompts.csv", csv_table(COLUMNS, rows), len(rows))
    outcome.write("prompts.png", png(lambda axes: _draw(axes, results), (7.2, 1.5 + 0.22 * min(len(rows), MAX_DRAWN))))
    outcome.finish(results, rows=len(rows), summary={name: results[name] for name in ("all", "all_measured", "images")})
    print_lines(_lines(results))
    return results


def _lines(results: dict[str, Any]) -> list[str]:
    lines = [
        f"{results['images']:,} images ({results['skipped']} skipped), {results['classes']} classes, "
        f"{len(results['templates'])} templates: all together {results['all']:.1%}",
        "alone    added to the others",
    ]
    for row in sorted(results["templates"], key=lambda row: -row["alone"]):
        lines.append(f"{row['alone']:6.1%}  {100 * row['added']:+6.1f}  {one_line(row['template'])}")
    lines.append(
        f"greedy ensemble, chosen on {results['images'] - results['measured_images']:,} images, on the other "
        f"{results['measured_images']:,} (all templates there {results['all_measured']:.1%}):"
    )
    lines += [f"{row['measured']:6.1%}  + {one_line(row['template'])}" for row in results["greedy"]]
    return lines


def _draw(axes: Any, results: dict[str, Any]) -> None:
    rows = sorted(results["templates"], key=lambda row: -row["alone"])[:MAX_DRAWN][::-1]
    heights = range(len(rows))
    axes.barh(heights, [100 * row["alone"] for row in rows], color=COLOURS[0], label="alone")
    axes.axvline(100 * results["all"], color="#444444", linestyle="--", label="all together")
    best = results["greedy"][-1]["measured"]
    axes.axvline(100 * best, color=COLOURS[1], linestyle=":", label=f"greedy, {len(results['greedy'])} templates")
    named = [one_line(row["template"])[:60].replace("$", r"\$") for row in rows]
    axes.set_yticks(heights, [f"{name} ({100 * row['added']:+.1f})" for name, row in zip(named, rows, strict=True)])
    axes.set_xlabel("zero-shot accuracy, % (in brackets: what it adds to all others)")
    axes.legend(loc="lower right")
    axes.grid(visible=False, axis="y")
