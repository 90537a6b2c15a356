"""Schedules: when a job is to be done again, by the clock, by points or by errors."""
