"""Texts or pictures, and videos, in; the moments that show them out: ``trainer video``.

Shapes: N frames of all videos, Q queries, E embedding.
"""

import sys
from typing import Any

import numpy as np
import torch

from schemas.printable import printable_json
from trainer.telling.skipped import tell_skipped
from trainer.use.load import Loaded, load_chosen
from trainer.video.config import VideoConfig
from trainer.video.feature_cache import FeatureCache, file_sha256
from trainer.video.features import Sampling, VideoFeatures, video_features
from trainer.video.files import list_videos
from trainer.video.moments import Moment, best_moments
from trainer.video.moments_folder import MomentsFolder
from trainer.video.open_video import VideoFault, check_decoder
from trainer.video.progress import Progress
from trainer.video.queries import Queries, embed_queries
from trainer.video.told import Read, as_json, as_lines, summary


def find(config: VideoConfig) -> dict[str, Any]:
    """Print, write and return the moments. Raises OSError or ValueError in one line for what is wrong."""
    check_decoder()
    config.check_paths()
    paths = list_videos(config.video_paths)
    loaded = load_chosen(config)
    torch.set_num_threads(config.threads)
    queries = embed_queries(loaded, config.query_texts, config.image, config.batch_size)
    skipped: list[str] = []
    progress = Progress()
    digests = _digests(paths, skipped)
    folder = None
    if config.output is not None:
        folder = MomentsFolder(config, loaded.model.fingerprint, queries.told, digests)
        if (body := folder.finished()) is not None:
            return _tell(config, body, f"; {config.output} is finished already")
    read = _read_videos(config, loaded, digests, skipped, progress)
    tell_skipped(skipped)
    if not read:
        raise ValueError(f"none of the {len(paths)} VIDEOs can be used: {skipped[0]}")
    moments = _ranked(config, queries, read)
    body = as_json(queries, moments, read, skipped)
    if folder is not None:
        folder.write(body, moments, read)
    return _tell(config, body, progress.told)


def _tell(config: VideoConfig, body: dict[str, Any], how: str) -> dict[str, Any]:
    print(printable_json(body) if config.json else "\n".join(as_lines(body)))
    print("\n".join(summary(body, how)), file=sys.stderr)
    return body


def _digests(paths: list[str], skipped: list[str]) -> dict[str, str]:
    """Return the SHA-256 of each file; a line is put into `skipped` for one that cannot be read."""
    found = {}
    for path in paths:
        try:
            found[path] = file_sha256(path)
        except OSError as error:
            skipped.append(f"{path}: {error.strerror or error}")
    return found


def _read_videos(
    config: VideoConfig, loaded: Loaded, digests: dict[str, str], skipped: list[str], progress: Progress
) -> dict[str, Read]:
    """Return what is read of each video, by its path; a line is put into `skipped` for one that cannot be used."""
    sampling = Sampling(
        every_s=config.every_s, scenes=config.scenes, key_frames=config.key_frames, max_hours=config.max_hours
    )
    cache = FeatureCache(loaded.model, sampling, config.cache_dir)
    read: dict[str, Read] = {}
    for path, digest in digests.items():

        def make(path: str = path) -> VideoFeatures:
            with progress.of(path) as heard:
                return video_features(
                    loaded.model, path, sampling, batch_size=config.batch_size, threads=config.threads, progress=heard
                )

        try:
            read[path] = Read(digest, cache.get(digest, make))
        except VideoFault as fault:
            skipped.append(f"{path} {fault}")
        except OSError as error:
            skipped.append(f"{path}: {error.strerror or error}")
    return read


def _ranked(config: VideoConfig, queries: Queries, read: dict[str, Read]) -> list[Moment]:
    """Return the moments of each query, best first, of all videos together."""
    features = [one.features for one in read.values()]
    times_N = np.concatenate([one.times_N for one in features])
    videos_N = np.repeat(np.arange(len(features)), [len(one.times_N) for one in features])
    firsts = np.cumsum([0, *(len(one.times_N) for one in features)])
    paths = list(read)
    found = []
    for query, query_E in enumerate(queries.features_QE):
        scores_N = np.concatenate([one.features_NE @ query_E for one in features])
        rows = best_moments(scores_N, times_N, videos_N, num=config.num, apart_s=config.apart_s)
        for rank, row in enumerate(rows, start=1):
            video = int(videos_N[row])
            found.append(Moment(query, rank, paths[video], row - int(firsts[video]), float(scores_N[row])))
    return found
