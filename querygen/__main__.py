"""The command ``querygen``."""

from querygen.lean_start import lean_start


def main() -> None:
    """Run the subcommand of the command line."""
    lean_start()
    from querygen.command import main as run_subcommand

    run_subcommand()


if __name__ == "__main__":
    main()
