"""Where the service runs: start, configure, reset, watch and stop it."""
