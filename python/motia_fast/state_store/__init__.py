"""State as handlers and scripts use it: groups of JSON values by key."""

from motia_fast.state_store.asynchronous import StateManager
from motia_fast.state_store.blocking import SyncStateManager
from motia_fast.state_store.values import Change

__all__ = ["Change", "StateManager", "SyncStateManager"]
