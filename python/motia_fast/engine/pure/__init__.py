"""The engine in readable Python: the same promises, on the same file, as the native one."""

from motia_fast.engine.pure.engine import PureEngine

__all__ = ["PureEngine"]
