"""Which Flink a job is for: always said to Beam, which would take its newest (2.2 in Beam 2.77) whatever runs.

In: Beam's options as given. Out: the ``major.minor`` of ``--flink_version``: the one given, the cluster's own, or the
tested one of the embedded Flink.
"""

import json

from apache_beam.options.pipeline_options import FlinkRunnerOptions

from pipeline.runners.flink.rest import get

EMBEDDED = "1.19"
"""Version of the embedded Flink where none is given: the one that the tests run."""

NO_ANSWER = (
    "--flink_master {master}: no Flink JobManager answers there ({error}); start one "
    "(deploy/flink/cluster.py start FOLDER) or correct the address"
)


def cluster_version(master: str) -> str:
    """Return ``major.minor`` of the Flink whose JobManager answers at `master`, ``http://host:port``.

    Raises ValueError when none answers there.
    """
    try:
        found = str(get(f"{master}/config")["flink-version"])
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(NO_ANSWER.format(master=master, error=error)) from None
    return ".".join(found.split(".")[:2])


def flink_version(flink: FlinkRunnerOptions, given: bool) -> str:
    """Return the version to tell Beam; `given` tells whether the user did. Raises ValueError for one that cannot work.

    A job server speaks one version of Flink. With ``--flink_job_server_jar`` the jar decides, and any version is taken.
    """
    master = flink.flink_master
    if not master.startswith("http"):
        return str(flink.flink_version) if given else EMBEDDED
    if given and flink.flink_job_server_jar:
        return str(flink.flink_version)
    found = cluster_version(master)
    if given and flink.flink_version != found:
        raise ValueError(
            f"--flink_version {flink.flink_version}: the cluster at {master} runs Flink {found}; give "
            f"--flink_version={found}, or leave it out"
        )
    published = FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS
    if found in published:
        return found
    if flink.flink_job_server_jar:  # only its name in Beam's messages depends on it
        return EMBEDDED
    raise ValueError(
        f"--flink_master {master}: the cluster runs Flink {found}; Beam has job servers for {', '.join(published)}: "
        "take a cluster of one of them, or name the jar of another Beam with --flink_job_server_jar"
    )
