"""``README.md`` of an export: front matter that Hugging Face's Hub reads, then what to know before it is used."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.export.card.evaluations import Measured
from trainer.export.card.loading import HOW_TO_LOAD, LIBRARY
from trainer.export.compare import BATCHES, TOLERANCE, Comparison
from trainer.export.config import Format
from trainer.presets import ModelConfig, ViTConfig
from trainer.telling.markdown import cell, table_lines

_BIAS = (
    "**Bias.** The model repeats what captions on the web say of people, places and things, with all that is unfair in "
    "it. Which labels it may choose from decides what it says of people. Do not use it to classify, identify, watch or "
    "judge people. `trainer evaluate labels` measures how your own labels move predictions between groups."
)
_USE = (
    "Research on image-text models: zero-shot classification, retrieval, features for other models. It knows the "
    "languages and the subjects of its captions alone, counts and reads text badly, and was tested for no product. "
    "Measure it on your own task, with your own labels, first."
)


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card tells."""

    name: str
    format: Format
    license: str
    geometry: ModelConfig
    parameters: int
    tokens: int
    """Of the tokenizer."""
    logit_scale: float
    """What cosines are multiplied by."""
    training: Sequence[str]
    """Lines of Markdown."""
    while_training: Sequence[str]
    measured: Measured
    comparison: Comparison | str
    """A line where nothing was compared."""
    left_out: Sequence[str]
    """What the format has no place for."""


def card_text(facts: CardFacts) -> str:
    """Return the card. The same facts give the same bytes."""
    sections = [
        [*_front_matter(facts), f"# {cell(facts.name)}"],
        [
            "A CLIP model, which puts images and texts into one space: their cosines say how well they fit each other "
            "(Radford et al. 2021, arXiv 2103.00020). Made with WebImageText."
        ],
        ["## How to load it", "", HOW_TO_LOAD[facts.format]],
        ["## Model", "", *_geometry(facts)],
        ["## Training", "", *facts.training],
        ["## Evaluation", "", *_evaluation(facts)],
        *([section.rstrip("\n")] for section in facts.measured.sections),
        ["## Compared at export", "", *_comparison(facts)],
        ["## Intended use, and what it is not for", "", _USE, "", _BIAS],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _front_matter(facts: CardFacts) -> list[str]:
    tags = ["clip", "zero-shot-image-classification", "webimagetext"]
    return [
        "---",
        f"license: {facts.license}",
        f"library_name: {LIBRARY[facts.format]}",
        "pipeline_tag: zero-shot-image-classification",
        "tags:",
        *(f"- {tag}" for tag in tags),
        "---",
        "",
    ]


def _geometry(facts: CardFacts) -> list[str]:
    image, text = facts.geometry.image, facts.geometry.text
    if isinstance(image, ViTConfig):
        told = (
            f"vision transformer, {image.layers} layers of width {image.width}, {image.heads} heads, patches of "
            f"{image.patch_px} pixels, {image.activation}"
        )
    else:
        told = f"modified ResNet (CLIP, section 2.4), width {image.width}, blocks {', '.join(map(str, image.blocks))}"
    rows = [
        ("images", f"{image.image_px} x {image.image_px} pixels: short side resized (bicubic), middle square"),
        ("image encoder", told),
        (
            "text encoder",
            f"causal transformer, {text.layers} layers of width {text.width}, {text.heads} heads, {text.activation}",
        ),
        ("texts", f"at most {text.context_length} tokens of {facts.tokens:,}, lower case"),
        ("embedding", f"{facts.geometry.embed_dim} channels"),
        ("logits", f"cosines times {facts.logit_scale:.4g}, {facts.geometry.loss} loss"),
        ("parameters", f"{facts.parameters:,}, float32"),
    ]
    return table_lines(("", ""), rows)


def _evaluation(facts: CardFacts) -> list[str]:
    rows = facts.measured.rows
    lines = table_lines(("measured", "on", "value"), rows) if rows else []
    if facts.while_training:
        lines += [*([""] if lines else []), *facts.while_training]
    if facts.measured.unchecked:
        files = ", ".join(cell(name) for name in facts.measured.unchecked)
        lines += ["", f"Nothing beside {files} says that it is of this model."]
    return lines or ["No measurement was given."]


def _comparison(facts: CardFacts) -> list[str]:
    found = facts.comparison
    if isinstance(found, str):
        lines = [f"{found[0].upper()}{found[1:]}."]
    else:
        rows = [("images", f"{found.images:.1e}"), ("texts", f"{found.texts:.1e}")]
        lines = [
            f"These files were opened by {found.title} and compared with the model that they were made of: "
            f"{found.num_images} random images and {found.num_texts} texts through both, in batches of "
            f"{', '.join(map(str, BATCHES))}, in float32. The ids of the texts are equal. Largest difference, as a "
            f"part of the largest value (with more than {TOLERANCE:.0e} nothing is exported):",
            "",
            *table_lines(("features", "difference"), rows),
        ]
    if facts.left_out:
        lines += ["", f"Left out, since the format has no place for it: {', '.join(map(cell, facts.left_out))}."]
        if "logit_bias" in facts.left_out:
            lines += ["The shares of labels (softmax) are the same without it, the sigmoid of a single logit is not."]
    return lines
