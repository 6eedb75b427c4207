"""Background jobs, HTTP endpoints, cron and state in one process."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("motia-fast")
except PackageNotFoundError:  # a source tree on `sys.path` that nobody installed
    __version__ = "0+source"

__all__ = ["__version__"]
