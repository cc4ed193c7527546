"""Where the processor's time of a download goes: milliseconds an image of each part, and of a decoder alone."""

import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from pipeline.download.config import DownloadConfig
from pipeline.download.decode.image import Decoder, DecodeSettings
from pipeline.download.decode.pool import MALLOC, SETTINGS
from pipeline.download.fetch.runtime import FetchRuntime
from pipeline.download.shard.plan import ShardPlan, read_shard_images
from pipeline.download.shard.write import fetch_shard, write_shard
from schemas.manifest import recorded
from schemas.storage import Folder
from tests.support.download import make_selection

WARM_UP = 100


def costs(pictures: Path, base: str, decode: str, num: int) -> str:
    """Return a line about the images ``N.jpg`` of the folder `pictures`, served at `base`, `num` of them."""
    names = sorted(path.name for path in pictures.iterdir())
    with tempfile.TemporaryDirectory(prefix="bench-costs-") as root:
        config = DownloadConfig(
            selection=f"{root}/selection", output=f"{root}/shards", allow_private_addresses=True, image_size=256,
            resize_mode="keep_ratio", resize_only_if_bigger=True, concurrency=128, max_connections_per_host=128,
            decode="fast" if decode == "fast" else "exact",
        )  # fmt: skip
        found = _of_a_shard(config, [f"{base}/{names[number % len(names)]}?{number}" for number in range(num)])
    alone = _alone(config, [(pictures / name).read_bytes() for name in names[:num]])
    around = sum(found.values()) - alone
    parts = ", ".join(f"{name} {1e3 * seconds:.2f}" for name, seconds in found.items())
    return f"CPU ms an image: {parts}; decode + resize + encode alone {1e3 * alone:.2f}, around it {1e3 * around:.2f}"


def _of_a_shard(config: DownloadConfig, urls: list[str]) -> dict[str, float]:
    """Return CPU seconds an image of the fetching thread, the decode processes and the writing thread."""
    runtime = FetchRuntime(config, {})
    found: dict[str, float] = {}
    try:
        for number, part in enumerate((urls[:WARM_UP], urls)):
            root = f"{config.selection}-{number}"
            selection = make_selection(root, [[(url, f"a caption of the picture at {url}") for url in part]])
            plan = ShardPlan(0, 0, selection.url, recorded(selection, "00000.parquet"))
            images = read_shard_images(plan)
            workers = _decode_processes()
            fetching, decoding = _thread_s(runtime), sum(map(_cpu_s, workers))
            shard = runtime.submit(fetch_shard(runtime, plan, images, [b""] * len(part))).result()
            fetching, decoding = _thread_s(runtime) - fetching, sum(map(_cpu_s, workers)) - decoding
            start = time.thread_time()
            write_shard(Folder(f"{config.output}-{number}"), shard, config.encode_format, config.output_format)
            writing = time.thread_time() - start
            found = {"fetch": fetching, "decode processes": decoding, "write": writing}
    finally:
        runtime.close()
    return {name: seconds / len(urls) for name, seconds in found.items()}


def _alone(config: DownloadConfig, images: list[bytes]) -> float:
    """Return CPU seconds an image of the decoder, in a process like those that decode."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        before = {name: os.environ.get(name) for name in MALLOC}
        os.environ.update(MALLOC)
        try:
            return pool.submit(_decoder_s, config, images).result()
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def _decoder_s(config: DownloadConfig, images: list[bytes]) -> float:
    decoder = Decoder(DecodeSettings(**{name: getattr(config, name) for name in SETTINGS}))
    for data in images[:WARM_UP]:
        decoder(data)
    start = time.thread_time()
    for data in images:
        decoder(data)
    return (time.thread_time() - start) / len(images)


def _thread_s(runtime: FetchRuntime) -> float:
    async def now() -> float:
        return time.thread_time()

    return runtime.submit(now()).result()


def _decode_processes() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return [pid for pid in found if b"decode.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
