"""Real experiments, short ones: real PostgreSQL, real Locust, real sockets."""
