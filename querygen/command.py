"""The subcommands of ``querygen``: what is asked in, exit code out."""

import sys
from concurrent.futures.process import BrokenProcessPool
from typing import Annotated, Any

import tyro

from querygen.config import BuildConfig, CompareConfig, CountConfig, ExplainConfig, MergeConfig, WordnetConfig
from querygen.report.config import ReportConfig
from querygen.workers.lean_start import lean_start
from schemas.closed_pipe import quiet_on_closed_pipe
from schemas.command_options import read_options
from schemas.printable import one_line, print_error, print_warnings_safely

Command = (
    Annotated[BuildConfig, tyro.conf.subcommand("build", prefix_name=False)]
    | Annotated[CountConfig, tyro.conf.subcommand("count", prefix_name=False)]
    | Annotated[MergeConfig, tyro.conf.subcommand("merge", prefix_name=False)]
    | Annotated[ExplainConfig, tyro.conf.subcommand("explain", prefix_name=False)]
    | Annotated[CompareConfig, tyro.conf.subcommand("compare", prefix_name=False)]
    | Annotated[ReportConfig, tyro.conf.subcommand("report", prefix_name=False)]
    | Annotated[WordnetConfig, tyro.conf.subcommand("wordnet", prefix_name=False)]
)


CONFIGS: dict[str, Any] = {
    "build": BuildConfig, "count": CountConfig, "merge": MergeConfig, "explain": ExplainConfig,
    "compare": CompareConfig, "report": ReportConfig, "wordnet": WordnetConfig,
}  # fmt: skip

DAMAGED_INPUT = 3
"""Exit code when all is written but a part of the input could not be read; what, is in rejections/."""


STORES = frozenset(("aiohttp", "botocore", "gcsfs", "google", "s3fs", "adlfs"))
"""Packages behind fsspec whose errors are about a file, not about this program."""


def _package(error: Exception) -> str:
    return type(error).__module__.partition(".")[0]


def _parse(arguments: list[str]) -> Any:
    """Return the config of the subcommand. A named one is parsed alone: tyro's hints then name its own ``--help``."""
    name = arguments[0] if arguments else ""
    if name in CONFIGS:
        return read_options(CONFIGS[name], prog=f"querygen {name}", arguments=arguments[1:])
    return read_options(Command, prog="querygen", description="Make the query list.", arguments=arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run a subcommand. An expected error ends with one line on stderr and exit code 2."""
    try:
        print_warnings_safely()
        with quiet_on_closed_pipe():
            config = _parse(sys.argv[1:] if arguments is None else arguments)
            lean_start()
            _run(config)
    except BrokenProcessPool:
        print(
            "error: a process that counts was killed, probably because memory ran out; give fewer --num-processes and "
            "run the same command again, it goes on where it was",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    except Exception as error:
        # A store's own errors (s3fs is missing, a server that refuses) come in its own types.
        if not isinstance(error, ValueError | OSError | ImportError) and _package(error) not in STORES:
            raise
        print_error(str(error))
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted; nothing is finished: run the same command again", file=sys.stderr)
        raise SystemExit(130) from None


def _run(config: Any) -> None:
    if isinstance(config, BuildConfig):
        from querygen.build import build

        if not build(config):
            raise SystemExit(DAMAGED_INPUT)
    elif isinstance(config, CountConfig | MergeConfig):
        from querygen.counts.counts_folder import make_counts, merge_counts

        if not (make_counts(config) if isinstance(config, CountConfig) else merge_counts(config)):
            raise SystemExit(DAMAGED_INPUT)
    elif isinstance(config, CompareConfig):
        from querygen.compare.compare import compare
        from querygen.compare.compare_summary import print_comparison

        print_comparison(compare(config), (config.a, config.b))
    elif isinstance(config, ReportConfig):
        from querygen.report.page import write_report

        print(f"written to {one_line(write_report(config))}")
    elif isinstance(config, ExplainConfig):
        from querygen.explain.explain import explain

        raise SystemExit(explain(config))
    else:
        from pathlib import Path

        from querygen.synsets.wordnet_data import cache_dir, find_wordnet, prepare

        if config.output or config.wordnet_dir:
            found = str(prepare(Path(config.output) if config.output else cache_dir(), config.wordnet_dir))
        else:
            found = str(find_wordnet(None))
        print(f"WordNet is in {found}")
