"""The lean HTTP/1.1 user against servers that misbehave on purpose, and against real ones."""
