"""A method is measured where it stands, by weaving."""
import os
import time

SHOP = os.environ.get("SHOP")


class Till:
    def ring(self):
        time.sleep(0.001)

    def close(self):
        for _ in range(5):
            self.ring()


def test_close(benchmark):
    benchmark.weave(Till.ring, lazy=True)
    Till().close()
