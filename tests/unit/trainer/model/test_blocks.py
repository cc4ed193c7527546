"""The blocks of both encoders, in the order in which they run."""

from tests.support.small_towers import RESNET, VIT, images, moved_clip, texts
from trainer.model.blocks import blocks_of


def test_blocks_are_named_in_the_order_of_their_calls() -> None:
    for config, num_blocks in ((VIT, 3), (RESNET, 5)):
        model = moved_clip(config)
        called: list[str] = []
        for name, block in blocks_of(model).items():
            block.register_forward_hook(lambda *_, name=name, called=called: called.append(name))
        model(images(2), texts(2))
        assert called == list(blocks_of(model))
        assert [name.startswith("image_encoder.") for name in called] == [True] * num_blocks + [False] * 3
