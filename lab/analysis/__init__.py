"""Trials and a prediction become an estimate with its interval."""
