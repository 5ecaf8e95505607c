"""`python -m vita_tui` and the `vita` command."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    from vita_tui.cli.app import main as cli

    cli()


if __name__ == "__main__":
    main()
