"""`agentic-sales` on the command line: results on standard output, everything else on standard error."""

from backend.cli.commands import main

__all__ = ["main"]
