"""The application: its steps and settings, and how it runs."""

from motia_fast.app.application import App
from motia_fast.app.launch import run
from motia_fast.app.targets import load_target

__all__ = ["App", "load_target", "run"]
