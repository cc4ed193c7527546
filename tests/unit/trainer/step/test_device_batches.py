"""On a CPU batches are where they are needed; copies to a GPU are tested in tests/gpu."""

import torch

from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.step.device_batches import device_batches


def made(number: int) -> Batch:
    fields = dict.fromkeys(Batch.__dataclass_fields__)
    images = torch.full((2, 3, 4, 4), number, dtype=torch.uint8)
    return Batch(**fields | {"images_b3PP": images, "texts": PackedTexts.from_rows([[1, 2], [3]])})


def test_a_cpu_takes_them_as_they_are() -> None:
    batches = [made(number) for number in range(3)]
    assert all(a is b for a, b in zip(device_batches(batches, torch.device("cpu")), batches, strict=True))
