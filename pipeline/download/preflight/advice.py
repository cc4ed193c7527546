"""What to change before a download: what was measured in, exact options and commands out."""

import resource
from dataclasses import dataclass

from pipeline.download.config import DownloadConfig
from pipeline.download.fetch.contact import MAX_WITHOUT_CONTACT, has_contact

FILES_BESIDE = 128
"""Open files of a worker process beside its connections: pipes of decode processes, shards, libraries."""

SLOW_DNS_S = 0.5
MANY = 0.1
"""Share of the sample that is worth a line."""


@dataclass(frozen=True)
class Machine:
    """What the machine allows a process."""

    open_files: int
    """Soft limit (RLIMIT_NOFILE)."""
    most_open_files: int
    """Hard limit."""
    cores: int


@dataclass(frozen=True)
class Measured:
    """What the sample showed; times in seconds."""

    num_rows: int
    """Of the selection."""
    asked: int
    outcomes: dict[str, int]
    statuses: dict[int, int]
    body_bytes: int
    images_per_s: float
    dns_median_s: float
    dns_slow_s: float
    """Of ten look-ups nine were quicker."""
    largest_host: int
    """Images of the host with the most."""


def this_machine(cores: int) -> Machine:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (1 << 20 if limit == resource.RLIM_INFINITY else limit for limit in (soft, hard))
    return Machine(open_files=soft, most_open_files=hard, cores=cores)


def files_needed(config: DownloadConfig) -> int:
    """Return the open files that a worker process may need."""
    return config.concurrency + config.max_slow_requests + FILES_BESIDE


def advice(config: DownloadConfig, measured: Measured, machine: Machine) -> list[str]:
    """Return a line for each thing to change, with the option or command."""
    lines = []
    needed = files_needed(config)
    if machine.open_files < needed:
        if machine.most_open_files >= needed:
            lines.append(f"open files: {machine.open_files:,} allowed, {needed:,} needed: ulimit -n {needed}")
        else:
            fits = max(1, machine.most_open_files - config.concurrency - FILES_BESIDE)
            lines.append(
                f"open files: at most {machine.most_open_files:,} allowed, {needed:,} needed: "
                f"--max-slow-requests {fits}"
            )
    if measured.num_rows > MAX_WITHOUT_CONTACT and not has_contact(config.user_agent):
        lines.append(
            f"{measured.num_rows:,} rows need an agent with your contact: --user-agent 'NAME/1.0 (+https://YOUR.PAGE)'"
        )
    if config.num_decode_processes > machine.cores:
        lines.append(
            f"{config.num_decode_processes} decode processes on {machine.cores} cores: "
            f"--num-decode-processes {machine.cores}"
        )
    if not measured.asked:
        return lines
    if measured.dns_slow_s > SLOW_DNS_S:
        lines.append(
            f"names: one look-up in ten takes longer than {measured.dns_slow_s:.1f} s: run a caching resolver on this "
            "machine (unbound, knot-resolver) and name it in /etc/resolv.conf"
        )
    if measured.outcomes.get("dns_failed", 0) > MANY * measured.asked:
        lines.append(f"{measured.outcomes['dns_failed']} names do not resolve: see whether /etc/resolv.conf answers")
    if measured.statuses.get(403, 0) > MANY * measured.asked:
        lines.append(
            f"{measured.statuses[403]} images are refused with 403: hosts may not take the agent {config.user_agent!r}"
        )
    if measured.statuses.get(429, 0) + measured.statuses.get(503, 0) > MANY * measured.asked:
        lines.append("many hosts answer 429 or 503: --max-connections-per-host 4 --max-requests-per-host-s 5")
    if measured.outcomes.get("timed_out", 0) > MANY * measured.asked:
        lines.append(
            f"{measured.outcomes['timed_out']} images timed out: if the line is slow, --concurrency "
            f"{max(1, config.concurrency // 2)} or --timeout-s {2 * config.timeout_s:g}"
        )
    if measured.outcomes.get("tls_failed", 0) > MANY * measured.asked:
        lines.append(
            f"{measured.outcomes['tls_failed']} TLS handshakes failed: see whether this machine's certificates are "
            "up to date (apt install --only-upgrade ca-certificates)"
        )
    if measured.largest_host > measured.asked // 2 and measured.asked >= 10:
        lines.append(
            f"one host has {measured.largest_host / measured.asked:.0%} of the images: --max-connections-per-host and "
            "--max-requests-per-host-s decide the speed; ask its owner before you raise them"
        )
    return lines
