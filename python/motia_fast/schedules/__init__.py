"""Cron: which ticks are due, and firing them."""

from motia_fast.schedules.plan import Misfire, Plan, plan
from motia_fast.schedules.ticker import Counts, Overlap, Schedule, Ticker, schedules_of

__all__ = ["Counts", "Misfire", "Overlap", "Plan", "Schedule", "Ticker", "plan", "schedules_of"]
