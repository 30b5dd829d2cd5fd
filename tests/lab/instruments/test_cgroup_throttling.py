"""CPU periods of a control group, read from files as Linux writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.instruments.cgroup_throttling import CpuPeriods, cpu_periods
from lab.instruments.process_sampler import ProcessSample, usage_over

PID = 4242
UNLIMITED = "usage_usec 5\nuser_usec 3\nsystem_usec 2\n"
LIMITED = UNLIMITED + "nr_periods 120\nnr_throttled 30\nthrottled_usec 900\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def membership(*lines: str) -> dict[str, str]:
    return {f"proc/{PID}/cgroup": "".join(f"{line}\n" for line in lines)}


def test_version_2_has_one_tree_for_all_controllers(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/docker/abc/cpu.stat": LIMITED}
    root = write(tmp_path, membership("0::/docker/abc") | files)
    assert cpu_periods(PID, root) == CpuPeriods(scheduled=120, throttled=30)


def test_version_1_has_a_tree_for_each_set_of_controllers(tmp_path: Path) -> None:
    lines = membership("11:memory:/docker/abc", "4:cpu,cpuacct:/docker/abc", "1:name=systemd:/x")
    files = {
        "sys/fs/cgroup/memory/docker/abc/cpu.stat": "nr_periods 1\n",
        "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.stat": "nr_periods 7\nnr_throttled 2\n",
    }
    assert cpu_periods(PID, write(tmp_path, lines | files)) == CpuPeriods(7, 2)


def test_both_versions_at_once_are_read_where_the_cpu_controller_is(tmp_path: Path) -> None:
    lines = membership("4:cpuset:/", "3:cpu:/docker/abc", "0::/docker/abc")
    files = {"sys/fs/cgroup/cpu/docker/abc/cpu.stat": "nr_periods 9\nnr_throttled 0\n"}
    assert cpu_periods(PID, write(tmp_path, lines | files)) == CpuPeriods(9, 0)


def test_a_version_1_tree_without_statistics_falls_back_to_version_2(tmp_path: Path) -> None:
    lines = membership("3:cpu:/docker/abc", "0::/docker/abc")
    files = {"sys/fs/cgroup/docker/abc/cpu.stat": LIMITED}
    assert cpu_periods(PID, write(tmp_path, lines | files)) == CpuPeriods(120, 30)


def test_a_group_without_a_quota_has_no_periods(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/user.slice/cpu.stat": UNLIMITED}
    root = write(tmp_path, membership("0::/user.slice") | files)
    assert cpu_periods(PID, root) == CpuPeriods(0, 0)


@pytest.mark.parametrize(
    "files",
    [
        {},  # no such process, or no control groups
        membership("0::/docker/abc"),  # the group is not visible here
        membership("11:memory:/docker/abc"),  # no group of its own for the processor
    ],
)
def test_what_the_system_does_not_report_is_unknown(files: dict[str, str], tmp_path: Path) -> None:
    assert cpu_periods(PID, write(tmp_path, files)) is None


def sample(at: float, periods: CpuPeriods | None) -> ProcessSample:
    level: dict[str, float | None] = {"service": 1.0}
    return ProcessSample(
        at=at,
        cpu_s={"service": at / 2},
        rss_bytes=level,
        descriptors=level,
        threads=level,
        own_s={},
        cores={},
        others={},
        of_run=frozenset(),
        roaming=(),
        periods={"service": periods},
    )


@pytest.mark.parametrize(
    ("first", "last", "throttled"),
    [
        (CpuPeriods(100, 10), CpuPeriods(200, 35), 0.25),
        (CpuPeriods(0, 0), CpuPeriods(0, 0), 0.0),
        (None, CpuPeriods(200, 35), None),
        (CpuPeriods(100, 10), None, None),
    ],
)
def test_usage_has_the_share_of_periods_that_were_throttled(
    first: CpuPeriods | None, last: CpuPeriods | None, throttled: float | None
) -> None:
    usage = usage_over([sample(0.0, first), sample(1.0, last)])
    assert usage["service"].throttled == throttled
