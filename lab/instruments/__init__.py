"""What drives or observes a trial: load, benchmarks, metrics, process usage, profiles."""
