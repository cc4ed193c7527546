"""`pipeline download`, of a selection or of a table: the config in, its folder made and summed up."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from pipeline.download.config import DownloadConfig
from pipeline.download.job import run_download
from pipeline.download.summary import print_download
from pipeline.listing.config import ListedDownloadConfig
from pipeline.listing.job import list_table, run_listed_download
from pipeline.listing.summary import print_listing
from schemas.shards_folder import LISTED_SELECTION_DIR
from schemas.storage import Folder


def run_any_download(config: ListedDownloadConfig, beam_args: Sequence[str]) -> None:
    """Download what the config names, or tell what that would bring, and print it."""
    if config.preflight:
        from pipeline.download.preflight.job import run_preflight
        from pipeline.download.preflight.summary import print_preflight

        with selected(config, beam_args) as download:
            print_preflight(download, *run_preflight(download))
        return
    if config.recheck:
        from pipeline.download.recheck.job import run_recheck
        from pipeline.download.recheck.summary import print_recheck

        download = config.download()
        print_recheck(run_recheck(download, Folder(download.selection), beam_args), config.output)
        return
    if config.selection or config.retry_failed:
        print_download(*run_download(config.download(), beam_args), config.output)
        return
    listed, shards, report = run_listed_download(config, beam_args)
    print_listing(listed, f"{config.output.rstrip('/')}/{LISTED_SELECTION_DIR}")
    print_download(shards, report, config.output)


@contextmanager
def selected(config: ListedDownloadConfig, beam_args: Sequence[str]) -> Iterator[DownloadConfig]:
    """Yield the download of the selection, which of a table is made for the time being."""
    if config.selection:
        yield config.download()
        return
    with tempfile.TemporaryDirectory(prefix="preflight-") as folder:
        listed = replace(config, output=folder)
        list_table(listed, beam_args)
        yield listed.download()
