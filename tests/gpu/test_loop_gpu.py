"""The loop on a CUDA GPU: copies beside the steps, nothing that waits for the device, copies of the state in time."""

import dataclasses

import pytest
import torch

from trainer.data.batch import Batch
from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.model.flops import peak_flops
from trainer.optim.adamw import make_optimizer
from trainer.presets import ModelConfig, ResNetConfig, TextConfig, find_preset
from trainer.saving.host_copies import HostCopies
from trainer.step.device_batches import device_batches
from trainer.step.step import train_step
from trainer.step.update import Updater
from trainer.telling.tally import Tally
from trainer.workers.distributed import World

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

CONFIG = ModelConfig(
    embed_dim=16,
    image=ResNetConfig(image_px=32, width=4, blocks=(1, 1, 1, 1)),
    text=TextConfig(width=32, layers=2, heads=2, context_length=12, vocab_size=50),
)


def made_batch(number: int, rows: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(number)
    images = torch.randint(0, 256, (rows, 3, 32, 32), generator=generator, dtype=torch.uint8)
    texts = torch.randint(1, 50, (rows, 10), generator=generator).tolist()
    ids = torch.arange(rows).numpy()
    return Batch(ids=ids, images_b3PP=images.pin_memory(), captions=[], texts=PackedTexts.from_rows(texts), replaced=0)


def test_batches_come_whole_though_their_memory_is_filled_anew() -> None:
    device = torch.device("cuda", 0)
    memory = [torch.empty(64, 3, 224, 224, dtype=torch.uint8, pin_memory=True) for _ in range(3)]
    fields = dict.fromkeys(Batch.__dataclass_fields__)

    def loaded():  # type: ignore[no-untyped-def]
        for number in range(20):
            images = memory[number % 3]
            images.fill_(number)
            yield Batch(**fields | {"images_b3PP": images, "texts": PackedTexts.from_rows([[number, 1]] * 64)})

    work = torch.randn(2_048, 2_048, device=device)
    sums = []
    for batch in device_batches(loaded(), device):
        assert batch.images_b3PP.device == device
        for _ in range(10):
            work = work @ work / work.norm()
        sums.append((batch.images_b3PP.double().mean(), batch.texts.tokens_T[0]))
    assert [(float(mean), int(token)) for mean, token in sums] == [(number, number) for number in range(20)]


def test_a_step_and_its_numbers_never_wait_for_the_device() -> None:
    device = torch.device("cuda", 0)
    world = World(0, 1, device)
    torch.manual_seed(0)
    model = CLIP(CONFIG).to(device).train()
    updater, tally = Updater(model, make_optimizer(model, find_preset("rn-tiny").recipe), max_norm=1.0), Tally(world)
    batches = [dataclasses.replace(b, texts=b.texts.to(device), images_b3PP=b.images_b3PP.to(device))
               for b in map(made_batch, range(4))]  # fmt: skip

    def step(number: int) -> None:
        loss, applied = train_step(
            model, updater, batches[number], world, step=number + 1, global_batch_size=8, learning_rate=1e-3,
            autocast=torch.bfloat16,
        )  # fmt: skip
        tally.add(loss, applied)

    step(0)  # what is made once may wait
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in (1, 2, 3):
            step(number)
        row = tally.close(sums={"replaced": 1.0}, same={"logit_scale": model.logit_scale.exp()})
    finally:
        torch.cuda.set_sync_debug_mode("default")
    found = row.read()
    assert found["skipped"] == 0
    assert 0 < found["loss"] < 10


def test_copies_are_of_the_moment_they_were_asked_for() -> None:
    weight = torch.zeros(1 << 22, device="cuda")
    copies = HostCopies()
    for number in range(3):
        weight.fill_(number)
        copied = copies.take({"a": {"w": weight}})
        weight.fill_(-1)
        copied.wait()
        assert copied.files["a"]["w"].is_pinned()
        assert torch.equal(copied.files["a"]["w"], torch.full_like(copied.files["a"]["w"], number))


def test_this_gpu_is_in_the_table_of_peaks() -> None:
    name = torch.cuda.get_device_name()
    if not any(part in name for part in ("H100", "H200", "A100", "B200", "L4", "V100", "T4")):
        pytest.skip(f"{name} is none of those that CLIP is trained on")
    assert peak_flops(torch.device("cuda", 0)) is not None
