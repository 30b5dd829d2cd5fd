"""The machine that measures: its cores and their processor time, its conditions, its lock."""
