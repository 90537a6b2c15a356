"""The account of a retraining: JSON for programs, a page for people, whichever way it ends."""

from forecaster.reporting.account import Account, begun
from forecaster.reporting.writing import written

__all__ = ["Account", "begun", "written"]
