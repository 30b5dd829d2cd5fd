"""Benchmarks run only where they are asked for, by an option of the project."""
import pytest


def pytest_addoption(parser):
    parser.addoption("--slow-ones", action="store_true", help="run the benchmarks as well")
    parser.addoption("--rows", type=int, default=500)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow-ones"):
        return
    for item in items:
        if item.name == "test_gated":
            item.add_marker(pytest.mark.skip(reason="needs --slow-ones"))


@pytest.fixture(scope="session")
def rows(request):
    return request.config.getoption("--rows")
