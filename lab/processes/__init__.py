"""Child processes with all that they start: environment, logs, and their end in any case."""
