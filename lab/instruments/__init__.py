"""What drives or observes: load, metrics, process usage, profiles."""
