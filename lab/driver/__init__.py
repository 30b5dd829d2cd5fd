"""The load driver's own process: the only package that imports locust and gevent."""
