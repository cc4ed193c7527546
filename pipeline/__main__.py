"""The command ``pipeline`` and its subcommands (`CONFIGS`); Beam options come after ``--``."""

import dataclasses
import inspect
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from pipeline.balance.config import BalanceConfig
from pipeline.collect.config import CollectConfig
from pipeline.explain.config import ExplainConfig
from pipeline.index.config import IndexConfig
from pipeline.listing.config import ListedDownloadConfig
from pipeline.remove.config import RemoveConfig
from pipeline.report.config import ReportConfig
from pipeline.reshard.config import ReshardConfig
from pipeline.run.config import RunConfig
from pipeline.runners.failures import JobFailed, WorkerLost, resume_line
from pipeline.runners.logs import show_only_errors
from pipeline.similarity.config import FilterConfig
from schemas.closed_pipe import quiet_on_closed_pipe
from schemas.command_options import read_options
from schemas.printable import print_error

Command = (
    Annotated[CollectConfig, tyro.conf.subcommand("collect", prefix_name=False)]
    | Annotated[BalanceConfig, tyro.conf.subcommand("balance", prefix_name=False)]
    | Annotated[ListedDownloadConfig, tyro.conf.subcommand("download", prefix_name=False)]
    | Annotated[ExplainConfig, tyro.conf.subcommand("explain", prefix_name=False)]
    | Annotated[FilterConfig, tyro.conf.subcommand("filter", prefix_name=False)]
    | Annotated[IndexConfig, tyro.conf.subcommand("index", prefix_name=False)]
    | Annotated[RemoveConfig, tyro.conf.subcommand("remove", prefix_name=False)]
    | Annotated[ReportConfig, tyro.conf.subcommand("report", prefix_name=False)]
    | Annotated[ReshardConfig, tyro.conf.subcommand("reshard", prefix_name=False)]
    | Annotated[RunConfig, tyro.conf.subcommand("run", prefix_name=False)]
)

CONFIGS: dict[str, Any] = {
    "collect": CollectConfig, "balance": BalanceConfig, "download": ListedDownloadConfig,
    "explain": ExplainConfig, "filter": FilterConfig, "index": IndexConfig, "remove": RemoveConfig,
    "report": ReportConfig, "reshard": ReshardConfig, "run": RunConfig,
}  # fmt: skip

BEAM_OPTIONS = "Beam options come after '--'."
DESCRIPTION = f"Collect, balance and download image-text pairs. {BEAM_OPTIONS}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand. An expected error ends with one line on stderr and exit code 2."""
    ours, beam_args = split_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        with quiet_on_closed_pipe():
            _run(parse(ours), beam_args)
    except (ValueError, OSError) as error:
        print_error(str(error))
        raise SystemExit(2) from None
    except WorkerLost as error:
        print(resume_line(str(error)), file=sys.stderr)
        raise SystemExit(1) from None
    except JobFailed as error:
        if "KeyboardInterrupt" in str(error):  # Ctrl-C while a step was at work in this process
            print("interrupted; run the same command again to resume", file=sys.stderr)
            raise SystemExit(130) from None
        print(resume_line(f"a worker failed: {error}"), file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted; run the same command again to resume", file=sys.stderr)
        raise SystemExit(130) from None


def parse(arguments: list[str]) -> Any:
    """Return the config of the subcommand. A named one is parsed alone: tyro's hints then name its own ``--help``."""
    name = arguments[0] if arguments else ""
    if name in CONFIGS:
        described = f"{inspect.getdoc(CONFIGS[name])}\n\n{BEAM_OPTIONS}"
        try:
            return read_options(CONFIGS[name], prog=f"pipeline {name}", description=described, arguments=arguments[1:])
        except SystemExit as error:
            if error.code:
                _say_misplaced(name, arguments[1:])
            raise
    return read_options(Command, prog="pipeline", description=DESCRIPTION, arguments=arguments)


def _say_misplaced(name: str, arguments: list[str]) -> None:
    """Tell of the first of Beam's options among those of the subcommand `name`, and where it belongs."""
    show_only_errors()
    from pipeline.runners.runner import is_beam_option  # imports Beam

    ours = {field.name for field in dataclasses.fields(CONFIGS[name])}
    for argument in arguments:
        option = argument.partition("=")[0].removeprefix("--").replace("-", "_")
        if argument.startswith("--") and option not in ours and is_beam_option(argument):
            print_error(f"{argument} is an option of Beam's, which come after '--': pipeline {name} ... -- {argument}")
            return


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return (our arguments, Beam's): what stands before and after the first ``--``."""
    found = list(arguments)
    if "--" not in found:
        return found, []
    cut = found.index("--")
    return found[:cut], found[cut + 1 :]


def _run(config: Any, beam_args: list[str]) -> None:
    show_only_errors()
    from pipeline.runners.runner import check_runner  # the jobs import Beam and numba: not for --help

    check_runner(config, beam_args)
    if isinstance(config, CollectConfig):
        from pipeline.collect.job import run_collect
        from pipeline.collect.summary import print_collect

        print_collect(run_collect(config, beam_args), config.output)
    elif isinstance(config, BalanceConfig):
        from pipeline.balance.job import run_balance
        from pipeline.balance.summary import print_balance

        print_balance(run_balance(config, beam_args), config.output)
    elif isinstance(config, ListedDownloadConfig):
        from pipeline.listing.command import run_any_download

        run_any_download(config, beam_args)
    elif isinstance(config, ExplainConfig):
        from pipeline.explain.job import run_explain
        from pipeline.explain.show import print_facts

        print_facts(run_explain(config, beam_args), config.json)
    elif isinstance(config, FilterConfig):
        from pipeline.similarity.job import run_filter
        from pipeline.similarity.summary import print_filter

        print_filter(run_filter(config, beam_args), config.output)
    elif isinstance(config, RemoveConfig):
        from pipeline.remove.job import run_remove
        from pipeline.remove.summary import print_remove, print_taken_out
        from pipeline.remove.take_out import take_out

        if config.takes_out:
            print_taken_out(take_out(config))
        else:
            print_remove(run_remove(config))
    elif isinstance(config, ReportConfig):
        from pipeline.report.command import run_report

        run_report(config)
    elif isinstance(config, ReshardConfig):
        from pipeline.reshard.job import run_reshard
        from pipeline.reshard.summary import print_reshard

        print_reshard(*run_reshard(config, beam_args), config.output)
    elif isinstance(config, IndexConfig):
        from pipeline.index.job import run_index
        from pipeline.index.summary import print_index

        print_index(run_index(config, beam_args))
    else:
        from pipeline.run.job import run_all

        run_all(config, beam_args)


if __name__ == "__main__":
    main()
