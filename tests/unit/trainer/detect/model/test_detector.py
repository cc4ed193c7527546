"""A CLIP made a detector: it stays that CLIP, and computes what transformers' OWL-ViT does on the same weights."""

from dataclasses import replace

import pytest
import torch

from tests.support.small_towers import RESNET, TEXT, VIT, images, small_clip, texts
from trainer.detect.model.detector import Detector, make_detector
from trainer.model.clip import CLIP
from trainer.presets import ModelConfig, ViTConfig

IMAGE = ViTConfig(image_px=32, patch_px=8, width=32, layers=2, heads=4)


def owl_vit(config: ModelConfig):
    """Return transformers' detector of the same geometry, its weights away from their first values."""
    transformers = pytest.importorskip("transformers", reason="pip install transformers")
    image, text = config.image, config.text
    assert isinstance(image, ViTConfig)
    made = transformers.OwlViTConfig(
        projection_dim=config.embed_dim,
        vision_config={"hidden_size": image.width, "intermediate_size": 4 * image.width, "image_size": image.image_px,
                       "num_hidden_layers": image.layers, "num_attention_heads": image.heads,
                       "patch_size": image.patch_px},
        text_config={"hidden_size": text.width, "intermediate_size": 4 * text.width, "vocab_size": text.vocab_size,
                     "num_hidden_layers": text.layers, "num_attention_heads": text.heads,
                     "max_position_embeddings": text.context_length},
    )  # fmt: skip
    torch.manual_seed(1)
    model = transformers.OwlViTForObjectDetection(made).eval()
    for parameter in model.parameters():
        parameter.data.normal_(std=0.1)
    return model


def copy_weights(source, detector: Detector) -> None:
    """Give our detector the weights of transformers' image encoder and heads."""
    vision = source.owlvit.vision_model
    encoder = detector.image_encoder
    embeddings = vision.embeddings
    encoder.conv1.weight.data = embeddings.patch_embedding.weight.data.clone()
    encoder.class_embedding.data = embeddings.class_embedding.data.clone()
    encoder.positional_embedding.data = embeddings.position_embedding.weight.data.clone()
    norms = vision.pre_layernorm if hasattr(vision, "pre_layernorm") else vision.pre_layrnorm
    pairs = [(norms, encoder.ln_pre), (vision.post_layernorm, encoder.ln_post),
             (source.layer_norm, detector.merge_norm)]  # fmt: skip
    for theirs, ours in zip(vision.encoder.layers, encoder.transformer.resblocks, strict=True):
        attention = theirs.self_attn
        joined = [attention.q_proj, attention.k_proj, attention.v_proj]
        ours.attn.in_proj.weight.data = torch.cat([one.weight.data for one in joined])
        ours.attn.in_proj.bias.data = torch.cat([one.bias.data for one in joined])
        pairs += [(attention.out_proj, ours.attn.out_proj), (theirs.layer_norm1, ours.ln_1),
                  (theirs.layer_norm2, ours.ln_2), (theirs.mlp.fc1, ours.mlp.c_fc),
                  (theirs.mlp.fc2, ours.mlp.c_proj)]  # fmt: skip
    for name in ("dense0", "dense1", "dense2"):
        pairs.append((getattr(source.box_head, name), getattr(detector.box_head, name)))
    for name in ("dense0", "logit_shift", "logit_scale"):
        pairs.append((getattr(source.class_head, name), getattr(detector.class_head, name)))
    for theirs, ours in pairs:
        ours.load_state_dict(theirs.state_dict())


def test_boxes_and_logits_are_those_of_transformers() -> None:
    # their class head's width is that of the text encoder
    config = ModelConfig(embed_dim=TEXT.width, image=IMAGE, text=TEXT)
    source = owl_vit(config)
    detector = Detector(config).eval()
    copy_weights(source, detector)
    pixels = images(2)
    normal = (pixels / 255 - detector.image_mean) / detector.image_std
    queries = torch.nn.functional.normalize(torch.randn(3, TEXT.width), dim=-1)
    with torch.no_grad():
        found = detector.find_objects(pixels)
        features, _ = source.image_embedder(normal)
        flat = features.flatten(1, 2)
        logits, _ = source.class_predictor(flat, queries.expand(2, 3, -1), torch.ones(2, 3))
        boxes = torch.logit(source.box_predictor(flat, features)) - source.box_bias
    torch.testing.assert_close(found.logits(queries), logits, atol=1e-4, rtol=1e-4)
    # their boxes begin at a corner of their patch, ours, as the paper has it, at its centre
    inner = source.box_bias.abs().max(dim=1).values < 5  # of the others the sigmoid leaves few digits
    ours = torch.logit(found.boxes_NL4) - detector.box_head.bias_L4
    torch.testing.assert_close(ours[:, inner], boxes[:, inner], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(ours[..., 2:], boxes[..., 2:], atol=1e-3, rtol=1e-3)


def test_it_is_still_the_clip_that_it_was_made_of() -> None:
    clip = small_clip(VIT).float().eval()
    detector = make_detector(clip, 32).eval()
    with torch.no_grad():
        assert torch.equal(detector.encode_images(images(3)), clip.encode_images(images(3)))
        assert torch.equal(detector.encode_texts(texts(4)), clip.encode_texts(texts(4)))
        projected = detector.class_head.dense0(torch.eye(32))
    torch.testing.assert_close(projected, clip.image_encoder.proj.data)


def test_larger_images_have_more_patches_and_positions_between_those_of_the_clip() -> None:
    clip = small_clip(VIT).float().eval()
    detector = make_detector(clip, 64)
    assert detector.config.image == replace(VIT.image, image_px=64)
    found = detector.find_objects(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8))
    assert found.boxes_NL4.shape == (2, 64, 4)
    assert found.logits(torch.randn(5, 16)).shape == (2, 64, 5)
    assert found.logits(torch.randn(2, 7, 16)).shape == (2, 64, 7)
    ours, theirs = detector.image_encoder.positional_embedding, clip.image_encoder.positional_embedding
    assert torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours[1:].mean(dim=0), theirs[1:].mean(dim=0), atol=0.05, rtol=0)


def test_what_cannot_be_a_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="patches of 8, found 60"):
        make_detector(small_clip(VIT).float(), 60)
    with pytest.raises(ValueError, match="found a ResNet"):
        make_detector(CLIP(RESNET), 64)
