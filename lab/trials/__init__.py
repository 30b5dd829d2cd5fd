"""Trials: how they are planned, what one records, and the values that follow from it."""
