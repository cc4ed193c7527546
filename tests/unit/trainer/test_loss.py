"""The loss of several workers has the gradients of one process with the whole batch."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch.nn.parallel import DistributedDataParallel

from trainer.data.packed_texts import PackedTexts
from trainer.distributed import World, local_rows
from trainer.loss import contrastive_loss
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, TextConfig, ViTConfig

CONFIG = ModelConfig(
    embed_dim=8,
    image=ViTConfig(image_px=16, patch_px=8, width=16, layers=1, heads=2),
    text=TextConfig(width=16, layers=1, heads=2, context_length=6, vocab_size=20),
)
CPU = torch.device("cpu")


def _batch(size: int) -> tuple[torch.Tensor, PackedTexts]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (size, 3, 16, 16), generator=generator, dtype=torch.uint8)
    tokens = torch.randint(0, 20, (size, 6), generator=generator).tolist()
    lengths = torch.randint(2, 7, (size,), generator=generator).tolist()
    return images, PackedTexts.from_rows([row[:length] for row, length in zip(tokens, lengths, strict=True)])


def _model() -> CLIP:
    torch.manual_seed(0)
    return CLIP(CONFIG).double()


def _gradients(model: CLIP) -> dict[str, torch.Tensor]:
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def _worker(rank: int, size: int, batch_size: int, directory: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{directory}/meet", rank=rank, world_size=size)
    world = World(rank, size, CPU)
    model = _model()
    start, stop = local_rows(batch_size, rank, size)
    images, texts = _batch(batch_size)
    wrapped = DistributedDataParallel(model)  # kept alive: its hooks average the gradients
    loss = contrastive_loss(*wrapped(images[start:stop], texts.rows(start, stop)), world, batch_size)
    loss.backward()
    torch.save({"loss": world.mean(loss), "gradients": _gradients(model)}, f"{directory}/{rank}.pt")
    dist.barrier()  # a process that leaves while the other still talks to it can abort that one
    del wrapped, loss
    dist.destroy_process_group()


@pytest.mark.parametrize(("size", "batch_size"), [(2, 8), (3, 8)])
def test_workers_together_equal_one_process(size: int, batch_size: int, tmp_path: Path) -> None:
    multiprocessing.spawn(_worker, args=(size, batch_size, str(tmp_path)), nprocs=size)
    model = _model()
    whole = contrastive_loss(*model(*_batch(batch_size)), World(0, 1, CPU), batch_size)
    whole.backward()
    wanted = _gradients(model)
    for rank in range(size):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found["loss"] == pytest.approx(float(whole.detach()), rel=1e-12)
        assert found["gradients"].keys() == wanted.keys()
        for name, gradient in wanted.items():
            torch.testing.assert_close(found["gradients"][name], gradient, rtol=1e-9, atol=1e-12)
    assert wanted["logit_scale"].abs() > 1e-6


def test_one_process_is_the_papers_pseudocode() -> None:
    image, text = (torch.nn.functional.normalize(torch.randn(5, 8, dtype=torch.float64), dim=1) for _ in range(2))
    scale = torch.tensor(14.0, dtype=torch.float64)
    logits = scale * image @ text.T
    labels = torch.arange(5)
    cross_entropy = torch.nn.functional.cross_entropy
    wanted = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2
    torch.testing.assert_close(contrastive_loss(image, text, scale, World(0, 1, CPU), 5), wanted)


def test_rows_cover_the_batch_for_any_number_of_workers() -> None:
    for batch_size in (7, 8, 256):
        for size in (1, 2, 3, 5, 7):
            rows = [range(*local_rows(batch_size, rank, size)) for rank in range(size)]
            assert [row for part in rows for row in part] == list(range(batch_size))
