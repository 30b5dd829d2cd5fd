from __future__ import annotations

from lab.reporting.sections.conditions import condition_tables


def test_each_part_is_a_table_of_flat_names() -> None:
    tables = condition_tables(
        {
            "cores": 2,
            "packages": {"uvloop": "0.22.1", "locust": None},
            "pinned": {"driver": [0, 1], "target": {"service": [1]}},
            "nothing": {},
        }
    )
    assert [title for title, _ in tables] == ["general", "packages", "pinned"]
    rows = {title: table.rows for title, table in tables}
    assert rows["general"] == (("cores", "2"),)
    assert rows["packages"] == (("uvloop", "0.22.1"), ("locust", "–"))
    assert rows["pinned"] == (("driver", "0, 1"), ("target › service", "1"))
