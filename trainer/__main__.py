"""``trainer``: what is done with a trained model. Training itself is ``trainer/run.py``, a Ray job."""

import sys

import tyro

from trainer.command_line import expected_errors
from trainer.evaluate.zero_shot import ZeroShotConfig, evaluate


def main() -> None:
    """Run ``trainer GROUP COMMAND ...``."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["evaluate"]:
        with expected_errors():
            _evaluate(arguments[1:])
        return
    asked_for_help = arguments[:1] in (["-h"], ["--help"])
    print(
        "usage: trainer evaluate zero-shot --checkpoint DIR --dataset DIR --classes FILE --templates FILE\n"
        "       trainer evaluate zero-shot --help; for training: python trainer/run.py --help",
        file=sys.stdout if asked_for_help else sys.stderr,
    )
    sys.exit(0 if asked_for_help else 2)


def _evaluate(arguments: list[str]) -> None:
    if arguments[:1] == ["zero-shot"]:
        evaluate(tyro.cli(ZeroShotConfig, prog="trainer evaluate zero-shot", args=arguments[1:]))
        return
    print("usage: trainer evaluate zero-shot [-h] ...", file=sys.stderr)
    sys.exit(0 if arguments[:1] in (["-h"], ["--help"]) else 2)


if __name__ == "__main__":
    main()
