"""What the heads say before anything is learnt."""

import torch

from trainer.detect.model.grid_bias import grid_bias
from trainer.detect.model.heads import BoxHead, ClassHead


def test_boxes_begin_at_their_patches_whatever_the_tokens_are() -> None:
    torch.manual_seed(0)
    boxes = BoxHead(16, 3)(torch.randn(2, 9, 16))
    assert boxes.shape == (2, 9, 4)
    torch.testing.assert_close(boxes, torch.sigmoid(grid_bias(3)).expand(2, 9, 4))


def test_a_head_away_from_its_beginning_moves_boxes() -> None:
    torch.manual_seed(0)
    head = BoxHead(16, 3)
    torch.nn.init.normal_(head.dense2.weight)
    boxes = head(torch.randn(2, 9, 16))
    assert not torch.allclose(boxes, torch.sigmoid(grid_bias(3)).expand(2, 9, 4), atol=0.05)
    assert ((boxes > 0) & (boxes < 1)).all()


def test_first_logits_are_those_of_something_rare() -> None:
    torch.manual_seed(0)
    embeddings, shift, scale = ClassHead(16, 8)(torch.randn(2, 9, 16))
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(2, 9))
    assert shift.shape == scale.shape == (2, 9, 1)
    torch.testing.assert_close(torch.sigmoid(shift * scale), torch.full((2, 9, 1), 0.01))
