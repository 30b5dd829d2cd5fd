"""Files of projects: where a project is, its sources, and JSON that survives a crash."""
