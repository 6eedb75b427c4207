"""The command line, ``motia-fast``: runs an application, and asks about what it keeps."""

from motia_fast.cli.program import main

__all__ = ["main"]
