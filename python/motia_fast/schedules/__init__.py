"""Cron: which ticks are due, and firing them."""

from motia_fast.schedules.plan import Plan, plan
from motia_fast.schedules.ticker import Counts, Schedule, Ticker, schedules_of

__all__ = ["Counts", "Plan", "Schedule", "Ticker", "plan", "schedules_of"]
