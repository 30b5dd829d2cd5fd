"""Runs on disk: the run folder, and the evidence that a report carries."""
