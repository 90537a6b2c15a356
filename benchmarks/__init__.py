"""Measurements: scripts, not a part of what is installed."""
