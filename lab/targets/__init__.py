"""Where the system under test runs: start, configure, reset, watch and stop it."""
