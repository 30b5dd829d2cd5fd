"""The load driver's own process: the only room that imports locust and gevent."""
