"""Run by an environment of peers: tars in, the captions DALI's reader gives out, as JSON. On the CPU."""

import json
import sys

from nvidia.dali import fn, pipeline_def


@pipeline_def(batch_size=1, num_threads=1, device_id=None)
def captions_of(tars: list[str]):
    """Read images and texts, decode the images."""
    images, texts = fn.readers.webdataset(
        paths=tars, ext=["jpg", "txt"], missing_component_behavior="error", name="reader"
    )
    return fn.decoders.image(images, device="cpu"), texts


def main() -> None:
    """Read one epoch."""
    pipe = captions_of(sys.argv[1:])
    pipe.build()
    captions = []
    for _ in range(pipe.epoch_size("reader")):
        _, texts = pipe.run()
        captions.append(bytes(texts.at(0)).decode())
    print(json.dumps(captions))


main()
