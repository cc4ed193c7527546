"""What to change: a line with the exact option for each trouble, and none without."""

from dataclasses import replace

import pytest

from pipeline.download.config import DownloadConfig
from pipeline.download.preflight.advice import FILES_BESIDE, Machine, Measured, advice, files_needed, this_machine

CONFIG = DownloadConfig(selection="s", output="o")
MACHINE = Machine(open_files=100_000, most_open_files=100_000, cores=8)
WELL = Measured(
    num_rows=10_000, asked=200, outcomes={"success": 190, "http_error": 10}, statuses={200: 190, 404: 10},
    body_bytes=10 << 20, images_per_s=50, dns_median_s=0.02, dns_slow_s=0.1, largest_host=3,
)  # fmt: skip


def test_nothing_to_change() -> None:
    assert advice(CONFIG, WELL, MACHINE) == []
    assert this_machine(2).open_files > 0


@pytest.mark.parametrize(
    ("config", "measured", "machine", "expected"),
    [
        (CONFIG, WELL, replace(MACHINE, open_files=256), f"ulimit -n {files_needed(CONFIG)}"),
        (CONFIG, WELL, Machine(256, 512, 8), f"--max-slow-requests {512 - 64 - FILES_BESIDE}"),
        (CONFIG, replace(WELL, num_rows=10_001), MACHINE, "--user-agent 'NAME/1.0"),
        (replace(CONFIG, num_decode_processes=9), WELL, MACHINE, "--num-decode-processes 8"),
        (CONFIG, replace(WELL, dns_slow_s=2.0), MACHINE, "caching resolver"),
        (CONFIG, replace(WELL, outcomes={"dns_failed": 50}), MACHINE, "/etc/resolv.conf"),
        (CONFIG, replace(WELL, statuses={403: 30}), MACHINE, "WebImageText/"),
        (CONFIG, replace(WELL, statuses={429: 15, 503: 15}), MACHINE, "--max-requests-per-host-s 5"),
        (CONFIG, replace(WELL, outcomes={"timed_out": 30}), MACHINE, "--concurrency 32 or --timeout-s 20"),
        (CONFIG, replace(WELL, outcomes={"tls_failed": 30}), MACHINE, "ca-certificates"),
        (CONFIG, replace(WELL, largest_host=150), MACHINE, "75% of the images"),
    ],
)
def test_one_trouble_one_line(config: DownloadConfig, measured: Measured, machine: Machine, expected: str) -> None:
    (line,) = advice(config, measured, machine)
    assert expected in line


def test_a_selection_without_urls_says_nothing_of_servers() -> None:
    none = replace(WELL, asked=0, outcomes={}, statuses={}, dns_slow_s=9.0, largest_host=0)
    assert advice(CONFIG, none, MACHINE) == []
