"""Ensembles of templates against a plain loop; the greedy one against all sets of its size."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from trainer.evaluate.prompting.ensembles import each_template, ensemble_accuracy, greedy_ensemble

DRAW = torch.Generator().manual_seed(0)
PROMPTS = F.normalize(torch.randn(4, 5, 6, generator=DRAW), dim=-1)
LABELS = torch.arange(60) % 4
IMAGES = F.normalize(PROMPTS[LABELS, 2] + 0.9 * torch.randn(60, 6, generator=DRAW), dim=-1)


def plain_accuracy(templates: list[int]) -> float:
    classes = []
    for prompts in PROMPTS.numpy():
        mean = np.mean([prompts[template] for template in templates], axis=0)
        classes.append(mean / np.linalg.norm(mean))
    return float(
        np.mean(
            [np.argmax(np.stack(classes) @ image) == n for image, n in zip(IMAGES.numpy(), LABELS.numpy(), strict=True)]
        )
    )


def test_each_alone_and_what_it_adds_to_the_others() -> None:
    found = each_template(IMAGES, LABELS, PROMPTS)
    whole = plain_accuracy([0, 1, 2, 3, 4])
    for one in found:
        assert one.accuracy == plain_accuracy([one.template])
        assert one.added == whole - plain_accuracy([t for t in range(5) if t != one.template])
    assert max(found, key=lambda one: one.accuracy).template == 2


def test_rows_at_once_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.evaluate.prompting.ensembles.ROWS_AT_ONCE", 7)
    assert ensemble_accuracy(IMAGES, LABELS, PROMPTS, [0, 3]) == plain_accuracy([0, 3])


def test_the_greedy_ensemble_takes_the_best_next_template_and_ends_where_none_helps() -> None:
    taken = greedy_ensemble(IMAGES, LABELS, PROMPTS, 5)
    order = [template for template, _ in taken]
    assert order[0] == 2
    for place, (_, value) in enumerate(taken):
        before = order[:place]
        left = [t for t in range(5) if t not in before]
        assert value == max(plain_accuracy([*before, t]) for t in left) == plain_accuracy(order[: place + 1])
    values = [value for _, value in taken]
    assert values == sorted(set(values))
    left = [t for t in range(5) if t not in order]
    assert all(plain_accuracy([*order, t]) <= values[-1] for t in left)
    assert len(greedy_ensemble(IMAGES, LABELS, PROMPTS, 1)) == 1


def test_one_template_adds_what_it_is_worth() -> None:
    (one,) = each_template(IMAGES, LABELS, PROMPTS[:, 2:3])
    assert one.added == one.accuracy
