"""`pipeline download` beside img2dataset on a web of which three in ten images fail and a thousand hosts are slow.

Run by `make bench BENCH=download_faults`. 4,000 images: one of each of 1,000 hosts that answer after 2 s, the others of
500 quick hosts, 1,200 of them faulty in eight ways. The lines named "loop" leave the start out, which is the time that
the same command takes for 200 good images.
"""

import tempfile
from pathlib import Path

from tests.bench.download_job import DownloadJob
from tests.bench.timing import line
from tests.support.faulty_web import FAULTS, FaultyWeb, faulty_web

NUM_GOOD, NUM_FAULTY, NUM_SLOW = 1_800, 1_200, 1_000
NUM_HOSTS = 500
NUM_FEW = 200
ROUNDS = 2
WANTED = 5.0


def pairs_of(web: FaultyWeb) -> list[tuple[str, str]]:
    """Return the list, its kinds of images spread evenly."""
    faults = sorted(FAULTS)
    found: list[tuple[float, str]] = []
    found += [(n / NUM_GOOD, web.url(n % NUM_HOSTS, "good", n)) for n in range(NUM_GOOD)]
    found += [
        (n / NUM_FAULTY, web.url(n % NUM_HOSTS, faults[n % len(faults)], NUM_GOOD + n)) for n in range(NUM_FAULTY)
    ]
    found += [(n / NUM_SLOW, web.url(10_000 + n, "late", n)) for n in range(NUM_SLOW)]
    return [(url, f"a caption of {url}") for _, url in sorted(found)]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-faults-") as root, faulty_web() as web:
        few = DownloadJob(
            Path(root) / "few", [(web.url(n % NUM_HOSTS, "good", 50_000 + n), "a caption") for n in range(NUM_FEW)]
        )
        job = DownloadJob(Path(root) / "faults", pairs_of(web))
        ours, peer, ours_few, peer_few = [], [], [], []
        for _ in range(ROUNDS):
            ours_few.append(few.ours("exact")[0].seconds)
            peer_few.append(few.peer()[0].seconds)
            measured, outcomes = job.ours("exact", "--max-slow-requests", "1024")
            ours.append(measured.seconds)
            assert outcomes["success"] == NUM_GOOD + NUM_SLOW, outcomes
            measured, statuses = job.peer()
            peer.append(measured.seconds)
    stored = NUM_GOOD + NUM_SLOW
    print(f"ours stored {stored:,}, img2dataset {statuses.get('success', 0):,} of {stored:,} good images")
    rate, their_rate = stored / min(ours), statuses.get("success", 0) / min(peer)
    line("download-faults", rate, "img2dataset", their_rate, "good images/s", WANTED)
    rate = stored / (min(ours) - min(ours_few))
    their_rate = statuses.get("success", 0) / (min(peer) - min(peer_few))
    line("download-faults-loop", rate, "img2dataset", their_rate, "good images/s", WANTED)


if __name__ == "__main__":
    main()
