"""Background jobs, HTTP endpoints, cron and state in one process."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("motia-fast")
except PackageNotFoundError:  # a source tree on `sys.path` that nobody installed
    __version__ = "0+source"

from motia_fast.ambient import enqueue, logger, state_manager
from motia_fast.app import App, run
from motia_fast.conditions import F, all_, any_
from motia_fast.context import Context, SyncContext, TriggerInfo
from motia_fast.contract import Receipt
from motia_fast.control.client import Client
from motia_fast.errors import (
    ContextClosed,
    Dead,
    DeclarationError,
    MotiaError,
    NoRunningStep,
    NotRunning,
    Retry,
    Signal,
    Skip,
    Snooze,
    StepTimeout,
    ValidationFailed,
    VersionConflict,
)
from motia_fast.requests import Request
from motia_fast.responses import Response
from motia_fast.state_store import StateManager, SyncStateManager
from motia_fast.steps import Step, StepConfig, step
from motia_fast.triggers import cron, http, noop, queue

__all__ = [
    "App",
    "Client",
    "Context",
    "ContextClosed",
    "Dead",
    "DeclarationError",
    "F",
    "MotiaError",
    "NoRunningStep",
    "NotRunning",
    "Receipt",
    "Request",
    "Response",
    "Retry",
    "Signal",
    "Skip",
    "Snooze",
    "StateManager",
    "Step",
    "StepConfig",
    "StepTimeout",
    "SyncContext",
    "SyncStateManager",
    "TriggerInfo",
    "ValidationFailed",
    "VersionConflict",
    "__version__",
    "all_",
    "any_",
    "cron",
    "enqueue",
    "http",
    "logger",
    "noop",
    "queue",
    "run",
    "state_manager",
    "step",
]
