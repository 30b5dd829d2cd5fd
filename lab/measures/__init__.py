"""Built-in measures: what they are called, their units, and how values are written."""
