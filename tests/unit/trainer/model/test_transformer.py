"""With equal weights our ViT CLIP gives what `transformers.CLIPModel` gives."""

import pytest
import torch

from trainer.data.packed_texts import PackedTexts
from trainer.model.clip import CLIP
from trainer.model.transformer import Transformer
from trainer.presets import ModelConfig, TextConfig, ViTConfig

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

CONFIG = ModelConfig(
    embed_dim=24,
    image=ViTConfig(image_px=64, patch_px=16, width=64, layers=3, heads=4),
    text=TextConfig(width=32, layers=3, heads=4, context_length=12, vocab_size=80),
)
EOS = 79


def _blocks(name: str, transformer: Transformer) -> dict[str, torch.Tensor]:
    weights = {}
    for number, block in enumerate(transformer.resblocks):
        ours = block.state_dict()
        prefix = f"{name}.encoder.layers.{number}"
        for kind in ("weight", "bias"):
            for part, value in zip("qkv", ours[f"attn.in_proj.{kind}"].chunk(3), strict=True):
                weights[f"{prefix}.self_attn.{part}_proj.{kind}"] = value
            weights[f"{prefix}.self_attn.out_proj.{kind}"] = ours[f"attn.out_proj.{kind}"]
            weights[f"{prefix}.layer_norm1.{kind}"] = ours[f"ln_1.{kind}"]
            weights[f"{prefix}.layer_norm2.{kind}"] = ours[f"ln_2.{kind}"]
            weights[f"{prefix}.mlp.fc1.{kind}"] = ours[f"mlp.c_fc.{kind}"]
            weights[f"{prefix}.mlp.fc2.{kind}"] = ours[f"mlp.c_proj.{kind}"]
    return weights


def their_weights(model: CLIP) -> dict[str, torch.Tensor]:
    """Return our weights under the names of `transformers.CLIPModel`."""
    image, text = model.image_encoder.state_dict(), model.text_encoder.state_dict()
    weights = {
        "logit_scale": model.logit_scale.detach(),
        "text_model.embeddings.token_embedding.weight": text["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": text["positional_embedding"],
        "text_projection.weight": text["text_projection"].T,
        "vision_model.embeddings.class_embedding": image["class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": image["conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": image["positional_embedding"],
        "visual_projection.weight": image["proj"].T,
    }
    for kind in ("weight", "bias"):
        weights[f"text_model.final_layer_norm.{kind}"] = text[f"ln_final.{kind}"]
        weights[f"vision_model.pre_layrnorm.{kind}"] = image[f"ln_pre.{kind}"]
        weights[f"vision_model.post_layernorm.{kind}"] = image[f"ln_post.{kind}"]
    weights |= _blocks("text_model", model.text_encoder.transformer)
    return weights | _blocks("vision_model", model.image_encoder.transformer)  # type: ignore[arg-type]


def test_logits_are_equal() -> None:
    torch.manual_seed(0)
    ours = CLIP(CONFIG).eval()
    for parameter in ours.parameters():  # away from the first weights: gains of one and biases of zero hide faults
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    image, text = CONFIG.image, CONFIG.text
    assert isinstance(image, ViTConfig)
    theirs = transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config={
                "vocab_size": text.vocab_size, "hidden_size": text.width, "intermediate_size": 4 * text.width,
                "num_hidden_layers": text.layers, "num_attention_heads": text.heads,
                "max_position_embeddings": text.context_length, "bos_token_id": 78, "eos_token_id": EOS,
                "pad_token_id": 0,
            },
            vision_config={
                "image_size": image.image_px, "patch_size": image.patch_px, "hidden_size": image.width,
                "intermediate_size": 4 * image.width, "num_hidden_layers": image.layers,
                "num_attention_heads": image.heads,
            },
            projection_dim=CONFIG.embed_dim,
        )
    ).eval()  # fmt: skip
    theirs.load_state_dict(their_weights(ours))
    pixels = torch.randint(0, 256, (5, 3, 64, 64), dtype=torch.uint8)
    tokens = torch.randint(1, 78, (4, 12))
    eos = torch.tensor([3, 11, 5, 8])
    tokens[torch.arange(4), eos] = EOS
    texts = PackedTexts.from_rows([row[: end + 1] for row, end in zip(tokens.tolist(), eos.tolist(), strict=True)])
    normalised = (pixels.float() / 255 - ours.image_mean) / ours.image_std
    with torch.no_grad():
        image_features, text_features, scale = ours(pixels, texts)
        wanted = theirs(input_ids=tokens, pixel_values=normalised).logits_per_image
    found = scale * image_features @ text_features.T
    assert wanted.std() > 0.1
    assert (found - wanted).abs().max() < 1e-4
