"""`pipeline run`: the three stages and one refill round; each stage resumes what it had not finished."""

from collections.abc import Sequence
from typing import Any

from pipeline.balance.job import run_balance
from pipeline.balance.summary import print_balance
from pipeline.collect.job import run_collect
from pipeline.collect.summary import print_collect
from pipeline.download.content.check import check_content
from pipeline.download.content.evaluation_set import evaluation_files, evaluation_inputs
from pipeline.download.finish import finish_shards
from pipeline.download.job import ALGORITHM_VERSION, check_agent, download_shards, image_roots
from pipeline.download.policy.vocabulary import load_vocabulary
from pipeline.download.summary import FetchReport, print_download
from pipeline.run.config import CANDIDATES, REFILL, SELECTION, SHARDS, RunConfig
from schemas.manifest import manifest_input, manifest_sha256, read_manifest, write_manifest
from schemas.run_options import identity_options
from schemas.run_record import MANIFEST_FILE, RunRecord, start_run
from schemas.storage import Folder


def run_all(config: RunConfig, beam_args: Sequence[str]) -> dict[str, Any]:
    """Make (or resume) candidates, selection, shards and the refill below ``config.output``; return the manifest."""
    output = Folder(config.output)
    if config.decontaminate is not None:
        evaluation_files(config.decontaminate)  # an error that is to be told before hours of work
    options = identity_options(config) | {
        "rank_key_file": config.rank_key_file,
        "agent": config.agent_token,
    }  # inputs: in the stages' identities
    record = RunRecord(command="pipeline run", config=options)
    load_vocabulary(config)  # what is wrong with a policy file is told before anything begins
    fresh = start_run(output, record)
    candidates = run_collect(config.collect(), beam_args)
    print_collect(candidates, config.collect().output)
    selection = run_balance(config.balance(), beam_args)
    print_balance(selection, config.balance().output)
    refill, shards, report = download_rounds(config, beam_args)
    if refill is not None:
        print_balance(refill, config.balance_refill().output)
    print_download(shards, report, config.download(SELECTION).output)
    if not fresh:
        return read_manifest(output, "run")
    stages = {CANDIDATES: "candidates", SELECTION: "selection", SHARDS: "shards"}
    if refill is not None:
        stages[REFILL] = "selection"
    return write_manifest(
        output,
        "run",
        [],
        rows=shards["rows"],
        identity=record.identity,
        summary={name: manifest_sha256(output.sub(name)) for name in stages},
    )


def download_rounds(
    config: RunConfig, beam_args: Sequence[str]
) -> tuple[dict[str, Any] | None, dict[str, Any], FetchReport | None]:
    """Download the selection, refill once, download that into the same folder.

    Return the manifests of refill and shards, and what was fetched now (None: finished before).
    """
    selection = Folder(config.balance().output)
    download = config.download(SELECTION)
    shards = Folder(download.output)
    if not shards.exists(MANIFEST_FILE):
        check_agent(selection, read_manifest(selection, "selection")["rows"], download.user_agent)
    check_content(selection, download)
    record = RunRecord(
        command="pipeline run: download",
        config={
            **identity_options(download),
            "refill": config.refill,
            "agent": download.agent_token,
            "policy_sha256": load_vocabulary(download).sha256,
        },
        inputs=[manifest_input(SELECTION, selection), *evaluation_inputs(download)],
        algorithm=ALGORITHM_VERSION,
        paths={"selection": selection.url},
    )
    refill_folder = Folder(config.balance_refill().output)
    if not start_run(shards, record):
        refill = read_manifest(refill_folder, "selection") if config.refill else None
        return refill, read_manifest(shards, "shards"), None
    roots = image_roots(selection, download)
    report = download_shards(selection, shards, download, beam_args, roots)
    rounds = [selection]
    refill = None
    if config.refill:
        refill = (
            read_manifest(refill_folder, "selection")
            if refill_folder.exists("manifest.json")  # read only first-round shards: later ones are its own
            else run_balance(config.balance_refill(), beam_args, selection)
        )
        report += download_shards(refill_folder, shards, config.download(REFILL), beam_args, roots)
        rounds.append(refill_folder)
    return refill, finish_shards(shards, rounds, record.identity, download.max_failed_fraction, download), report
