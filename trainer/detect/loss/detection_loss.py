"""What patches said of a batch and what is there, in; the loss out (OWL-ViT, section 3.2 and appendix A1.3).

Shapes: B images, L patches, Q queries, M objects of one image, n of all images.
"""

from dataclasses import dataclass

import torch

from trainer.detect.loss.focal import focal_terms
from trainer.detect.loss.matching import match
from trainer.detect.model.boxes import pairwise_giou, to_corners


@dataclass(frozen=True)
class Losses:
    """Means over the images of a batch; scalars on the device."""

    classes: torch.Tensor
    distance: torch.Tensor
    """L1 of boxes by centre, in parts of the image's side."""
    overlap: torch.Tensor
    """1 - gIoU."""

    @property
    def total(self) -> torch.Tensor:
        return self.classes + self.distance + self.overlap


def detection_loss(
    logits_BLQ: torch.Tensor,
    boxes_BL4: torch.Tensor,
    asked_BQ: torch.Tensor,
    labels: list[torch.Tensor],
    targets: list[torch.Tensor],
) -> Losses:
    """Return the losses; labels and targets as in `match`.

    `asked_BQ`, bool: which queries are asked of which image. Of the others nothing is known of it, so they cost
    nothing (federated annotations). Each image's losses are divided by the number of its objects, at least 1.
    """
    patches = match(logits_BLQ, boxes_BL4, labels, targets)
    device, sizes = logits_BLQ.device, torch.tensor([len(one) for one in labels])
    image_n = torch.repeat_interleave(torch.arange(len(labels)), sizes).to(device)
    patch_n, label_n = torch.cat(patches).to(device), torch.cat(labels).to(device)
    share_B = 1 / sizes.clamp(min=1).to(device)
    share_n = share_B[image_n] / len(labels)

    yes_BLQ, no_BLQ = focal_terms(logits_BLQ)
    is_there_BLQ = torch.zeros_like(logits_BLQ, dtype=torch.bool)
    is_there_BLQ[image_n, patch_n, label_n] = True
    terms_BLQ = torch.where(is_there_BLQ, yes_BLQ, no_BLQ) * asked_BQ[:, None, :]
    classes = (terms_BLQ.sum(dim=(1, 2)) * share_B).mean()

    found_n4, wanted_n4 = boxes_BL4[image_n, patch_n], torch.cat(targets).to(device)
    distance = ((found_n4 - wanted_n4).abs().sum(dim=1) * share_n).sum()
    giou_n = pairwise_giou(to_corners(found_n4)[:, None], to_corners(wanted_n4)[:, None])[:, 0, 0]
    return Losses(classes, distance, ((1 - giou_n) * share_n).sum())
