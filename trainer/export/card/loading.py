"""How each format is loaded, for its card: Markdown."""

from trainer.export.config import Format

LIBRARY: dict[Format, str] = {
    "transformers": "transformers",
    "open_clip": "open_clip",
    "onnx": "onnx",
    "safetensors": "webimagetext",
}
"""Names by which Hugging Face's Hub knows libraries."""

HOW_TO_LOAD: dict[Format, str] = {
    "transformers": """\
```python
from transformers import pipeline

classify = pipeline("zero-shot-image-classification", model="FOLDER")
print(classify("cat.jpg", candidate_labels=["a cat", "a dog"], hypothesis_template="{}"))
```""",
    "open_clip": """\
```python
import open_clip

model, _, preprocess = open_clip.create_model_and_transforms("local-dir:FOLDER")
tokenizer = open_clip.get_tokenizer("local-dir:FOLDER")
```

The tokenizer takes `pip install transformers`. Where the folder becomes a repository of the Hub, its name must stand as
`hf_tokenizer_name` in `open_clip_config.json`.""",
    "onnx": """\
```python
import onnxruntime, tokenizers

images, texts = (onnxruntime.InferenceSession(f"FOLDER/{kind}_encoder.onnx") for kind in ("image", "text"))
tokenizer = tokenizers.Tokenizer.from_file("FOLDER/tokenizer.json")
```

`encoders.json` says what goes in and how it is prepared: `pixel_values`, normalised, of any number of images;
`input_ids` of any number of texts, padded to the longest by any id after [EOS]. Features have length one.""",
    "safetensors": """\
```python
import trainer  # pip install webimagetext

model, preprocess, tokenizer = trainer.load("FOLDER")
```""",
}
