"""The project wants its own measure of rounds and time, and its JSON where it looks for it."""
from pathlib import Path


def pytest_configure(config):
    config.option.benchmark_min_rounds = 40
    config.option.benchmark_max_time = 0.8
    config.option.benchmark_warmup = True
    config.option.benchmark_disable_gc = True
    config.option.benchmark_json = str(Path(__file__).with_name("kept.json"))
