"""A peer in a process of its own environment, which waits between what is asked of it."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from tests.peers.environments import ENVIRONMENTS, REPOSITORY


@contextmanager
def peer_process(environment: str, module: str, told: Mapping[str, Any]) -> Iterator[Callable[[object], float]]:
    """Start `module` with `told` as its argument and print what it says it is; yield what asks it for seconds."""
    command = [str(ENVIRONMENTS[environment].python), "-m", module, json.dumps(told)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers, asked = process.stdout, process.stdin
        print(f"beside it: {_answer(answers).strip()}")

        def seconds(question: object) -> float:
            print(question, file=asked, flush=True)
            return float(_answer(answers))

        try:
            yield seconds
        finally:
            asked.close()


def _answer(answers: IO[str]) -> str:
    line = answers.readline()
    if not line:
        raise RuntimeError("the peer's process has ended; what it said stands above")
    return line
