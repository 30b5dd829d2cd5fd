"""Numbers of all kinds are put down: which of them is a count?"""
import datetime
import decimal
import enum
import fractions
import os

SHOP = os.environ.get("SHOP")


class Level(enum.IntEnum):
    HIGH = 3


def test_kinds(benchmark):
    benchmark(sorted, range(100))
    benchmark.extra_info.update(
        whole=7,
        negative=-7,
        huge=2**70,
        whole_float=7.0,
        ratio=0.5,
        not_a_number=float("nan"),
        text="7",
        yes=True,
        nothing=None,
        dear=decimal.Decimal("7"),
        part=fractions.Fraction(7, 1),
        level=Level.HIGH,
        span=datetime.timedelta(seconds=7),
        several=[7, 8],
        nested={"rows": 7},
    )
    benchmark.extra_info["transfer_rate"] = "12.5 MB/s"
