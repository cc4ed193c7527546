"""The demo: the whole way of the data, once, by the public commands. `make demo` runs it.

It writes its input (page views, URL table, evaluation pictures), serves its pictures over HTTP, runs each
command as a user would, and fails when what it promises does not hold.
"""

import json
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

import tyro
from rich.console import Console

from tests.demo.config import TIMEOUT_S, DemoConfig, Scale, scale
from tests.demo.dump_sample import article_titles, dump_sample
from tests.demo.killing import one_worker_killed
from tests.demo.outcome import read_outcome
from tests.demo.page_views import write_page_views
from tests.demo.promises import broken_promises
from tests.demo.ray_cluster import ray_cluster
from tests.demo.server import serving
from tests.demo.steps import DemoFailed, Steps, shown
from tests.demo.summary import print_summary
from tests.demo.world import World, write_evaluation, write_table

NUM_WORKERS = 2
LINE_WIDTH = 120
"""Of the summary where the output is no terminal."""


def write_input(world: World, directory: Path) -> None:
    """Write the demo's input into `directory` unless it is there already. Raises DemoFailed for another input."""
    marker = directory / "world.json"
    settings = json.dumps(asdict(world), indent=2, sort_keys=True) + "\n"
    if marker.exists():
        if marker.read_text() != settings:
            raise DemoFailed(f"{shown(directory)} belongs to another size or seed: delete it or give --output")
        return
    write_page_views(article_titles(dump_sample()), world.seed, directory / "page-views")
    write_table(world, directory / "urls")
    write_evaluation(world, directory / "evaluation")
    marker.write_text(settings)


def make_shards(steps: Steps, asked: Scale, seed: int, output: Path) -> None:
    """From the dump sample and the URL table to shards."""
    world_dir = output / "input"
    steps.run(
        "queries", "querygen", "build", "--dump", dump_sample(), "--pageviews",
        f"{shown(world_dir / 'page-views')}/*.gz", "--output", shown(output / "queries"), "--min-bigram-count", "20",
    )  # fmt: skip
    with serving(asked.world):
        steps.run(
            "pairs", "pipeline", "run", "--input", f"{shown(world_dir / 'urls')}/*.parquet", "--input-format",
            "url_table", "--queries", shown(output / "queries"), "--output", shown(output / "run"),
            "--max-pairs-per-query", str(asked.max_pairs_per_query), "--samples-per-shard",
            str(asked.samples_per_shard), "--image-size", "64", "--resize-mode", "keep_ratio", "--timeout-s",
            f"{TIMEOUT_S:g}", "--retries", "0", "--allow-private-addresses", "--user-agent",
            "WebImageText/0.1 (+https://example.org/demo)", "--seed", str(seed),
        )  # fmt: skip


def train_and_evaluate(steps: Steps, asked: Scale, seed: int, output: Path) -> None:
    """From shards to a model and its zero-shot accuracy on combinations it never saw; one of the workers is killed."""
    evaluation = output / "input" / "evaluation"
    training = output.resolve() / "training"  # a Ray job runs elsewhere: absolute paths only
    with (
        ray_cluster(NUM_WORKERS) as cluster,
        one_worker_killed(cluster.head_pid, training, steps.console),
    ):
        steps.run(
            "training", "ray", "job", "submit", "--address", cluster.address, "--working-dir", ".", "--", "python",
            "trainer/run.py", "--shards", output.resolve() / "run" / "shards", "--model", "rn-tiny", "--output",
            training, "--num-workers", str(NUM_WORKERS), "--epochs", f"{asked.epochs:g}", "--seed", str(seed),
            "--checkpoint-every-steps", str(asked.checkpoint_every_steps),
            extra_environment=cluster.environment,
        )  # fmt: skip
    steps.run(
        "zero-shot", "trainer", "evaluate", "zero-shot", "--checkpoint", shown(output / "training"), "--dataset",
        shown(evaluation / "unseen"), "--classes", shown(evaluation / "classes.txt"), "--templates",
        shown(evaluation / "templates.txt"), "--output", shown(output / "zero-shot"),
    )  # fmt: skip


def run(config: DemoConfig, console: Console) -> None:
    """Run the whole way and print the summary. Raises DemoFailed."""
    start = time.perf_counter()
    asked = scale(config)
    output = config.output.absolute()
    console.print(f"[bold]WebImageText demo[/], {config.size}, in {shown(output)}: a sample of Wikipedia, WordNet, and")
    console.print(f"{asked.world.num_images:,} pictures served at http://127.0.0.1:{asked.world.port}\n")
    write_input(asked.world, output / "input")
    steps = Steps(console)
    make_shards(steps, asked, config.seed, output)
    train_and_evaluate(steps, asked, config.seed, output)
    outcome = read_outcome(output)
    print_summary(console, outcome, asked, steps.seconds, time.perf_counter() - start, output)
    broken = broken_promises(outcome, asked)
    if broken:
        raise DemoFailed("the demo ran, but not as promised:\n" + "\n".join(f"- {line}" for line in broken))


def main() -> None:
    config = tyro.cli(DemoConfig, prog="python -m tests.demo")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the server and Ray are ended in any case
    try:
        run(config, Console(width=None if sys.stdout.isatty() else LINE_WIDTH))
    except (DemoFailed, RuntimeError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
