"""The card: front matter that YAML reads, all that was found, strangers' text as text, the same bytes."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.exported import RESNET, VIT
from trainer.export.card.card import CardFacts, card_text
from trainer.export.card.evaluations import Measured
from trainer.export.card.loading import HOW_TO_LOAD, LIBRARY
from trainer.export.compare import Comparison
from trainer.export.export import WAYS

yaml: Any = pytest.importorskip("yaml", reason="PyYAML, which ray brings")

FACTS = CardFacts(
    name="my_<b>clip</b>",
    format="onnx",
    license="cc-by-4.0",
    geometry=VIT,
    parameters=1_234_567,
    tokens=521,
    logit_scale=14.2857,
    training=["| | |", "|---|---|", "| steps | 7 |"],
    while_training=["While it trained, at step 7:"],
    measured=Measured((("zero-shot top-1", "90 images", "12.3%"),), ("## Labels\n\n**Warning.** x\n",), ("r.json",)),
    comparison=Comparison(title="onnxruntime 9", images=1.25e-7, texts=3e-6, num_images=5, num_texts=11),
    left_out=(),
)


def front_matter(text: str) -> Any:
    return yaml.safe_load(text.split("---\n")[1])


@pytest.mark.parametrize("name", WAYS)
def test_front_matter_is_what_the_hub_reads(name: str) -> None:
    text = card_text(replace(FACTS, format=name))  # type: ignore[arg-type]
    assert text.startswith("---\n")
    assert front_matter(text) == {
        "license": "cc-by-4.0",
        "library_name": LIBRARY[name],  # type: ignore[index]
        "pipeline_tag": "zero-shot-image-classification",
        "tags": ["clip", "zero-shot-image-classification", "webimagetext"],
    }
    assert HOW_TO_LOAD[name] in text  # type: ignore[index]
    assert card_text(replace(FACTS, format=name)) == text  # type: ignore[arg-type]


def test_all_that_was_found_is_told() -> None:
    text = card_text(FACTS)
    for line in (
        r"# my\_&lt;b>clip&lt;/b>",
        "| image encoder | vision transformer, 1 layers of width 32, 4 heads, patches of 8 pixels, quick_gelu |",
        "| parameters | 1,234,567, float32 |",
        "| texts | at most 12 tokens of 521, lower case |",
        "| steps | 7 |",
        "| logits | cosines times 14.29, contrastive loss |",
        "| zero-shot top-1 | 90 images | 12.3% |",
        "While it trained, at step 7:",
        "Nothing beside r.json says that it is of this model.",
        "**Warning.** x",
        "| images | 1.2e-07 |",
        "| texts | 3.0e-06 |",
    ):
        assert line in text.splitlines()
    assert "opened by onnxruntime 9" in text
    assert "**Bias.**" in text
    assert "| image encoder | modified ResNet" in card_text(replace(FACTS, geometry=RESNET))


def test_what_is_not_there_is_told() -> None:
    bare = replace(
        FACTS, measured=Measured((), (), ()), while_training=(), comparison="not compared: x is not installed",
        left_out=("logit_bias",),
    )  # fmt: skip
    text = card_text(bare)
    assert "No measurement was given." in text
    assert "Not compared: x is not installed." in text
    assert r"Left out, since the format has no place for it: logit\_bias." in text
    assert "The shares of labels (softmax) are the same without it" in text
