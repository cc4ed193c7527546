"""The command ``querygen``."""

import sys
from typing import Annotated

import tyro

from querygen.compare import CompareConfig
from querygen.config import BuildConfig, WordnetConfig
from querygen.explain import ExplainConfig

Command = (
    Annotated[BuildConfig, tyro.conf.subcommand("build", prefix_name=False)]
    | Annotated[ExplainConfig, tyro.conf.subcommand("explain", prefix_name=False)]
    | Annotated[CompareConfig, tyro.conf.subcommand("compare", prefix_name=False)]
    | Annotated[WordnetConfig, tyro.conf.subcommand("wordnet", prefix_name=False)]
)


def main(arguments: list[str] | None = None) -> None:
    """Run a subcommand. An expected error ends with one line on stderr and exit code 2."""
    try:
        config = tyro.cli(Command, prog="querygen", description="Make the query list.", args=arguments)  # type: ignore[call-overload]
        if isinstance(config, BuildConfig):
            from querygen.build import build

            build(config)
        elif isinstance(config, CompareConfig):
            from querygen.compare import compare
            from querygen.compare_summary import print_comparison

            print_comparison(compare(config), (config.a, config.b))
        elif isinstance(config, ExplainConfig):
            from querygen.explain import explain

            raise SystemExit(explain(config))
        else:
            from pathlib import Path

            from querygen.wordnet_data import find_wordnet, prepare

            print(f"WordNet is in {prepare(Path(config.output)) if config.output else find_wordnet(None)}")
    except (ValueError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted; nothing is finished: run the same command again", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
