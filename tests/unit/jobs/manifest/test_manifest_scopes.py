"""Where a row goes, and that no cell of a manifest can name a host."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from jobs.manifest.scopes import ScopeTable
from jobs.model import Scope
from jobs.spec import JobSpec

PROJECT = "0123456789abcdef0123456789abcdef"
OTHER_PROJECT = "f" * 32
HOME = JobSpec(project_id=PROJECT, region="cn-north-4")
LOCAL = JobSpec(project_id=PROJECT, endpoint="http://127.0.0.1:8080")


def test_one_place_is_one_scope_object() -> None:
    """Also when one row names it and another leaves it, empty or null, to the defaults."""
    table = ScopeTable(HOME)
    home = table.find(None, None)
    assert home == Scope(endpoint="https://kms.cn-north-4.myhuaweicloud.com", project_id=PROJECT, region="cn-north-4")
    assert table.find(PROJECT, "cn-north-4") is home
    assert table.find("", "") is home
    assert table.find(OTHER_PROJECT, None) is table.find(OTHER_PROJECT, "cn-north-4")
    assert table.find(OTHER_PROJECT, None) != home


def test_a_region_is_looked_up_in_the_table() -> None:
    """Its domain is not always the same."""
    assert ScopeTable(HOME).find(None, "eu-west-101") == Scope(
        endpoint="https://kms.eu-west-101.myhuaweicloud.eu", project_id=PROJECT, region="eu-west-101"
    )


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        ("evil.example/", "unknown region 'evil.example/' (a region not listed here needs --endpoint)"),
        ("cn-north4", "unknown region 'cn-north4'; did you mean cn-north-4"),
        (" cn-north-4", "unknown region ' cn-north-4'; did you mean cn-north-4"),
        ("https://evil.example", "unknown region 'https://evil.example'"),
    ],
)
def test_a_cell_cannot_name_a_host(region: str, reason: str) -> None:
    """A region is a key of a table, never a part of a host name."""
    table = ScopeTable(HOME)
    assert table.find(None, region) is None
    [(column, told)] = table.faults(None, region)
    assert column == "region"
    assert told.startswith(reason)


def test_an_endpoint_without_a_region_serves_rows_without_one() -> None:
    """In another region, a secret of the same name is another secret."""
    table = ScopeTable(LOCAL)
    assert table.find(None, None) == Scope(endpoint="http://127.0.0.1:8080", project_id=PROJECT, region=None)
    assert table.find(None, "cn-east-3") is None
    assert table.faults(None, "cn-east-3") == [
        ("region", "'cn-east-3', and --endpoint serves one region: say with --region which")
    ]


def test_an_endpoint_with_a_region_serves_that_one() -> None:
    """Also one that is in no table."""
    table = ScopeTable(msgspec.structs.replace(LOCAL, region="xx-new-1"))
    scope = table.find(None, "xx-new-1")
    assert scope == Scope(endpoint="http://127.0.0.1:8080", project_id=PROJECT, region="xx-new-1")
    assert table.find(None, None) is scope
    assert table.faults(None, "cn-east-3") == [
        ("region", "'cn-east-3', but --endpoint serves xx-new-1; make one run for each region")
    ]


def test_a_region_that_only_looks_like_another_is_told_apart() -> None:
    [(_, reason)] = ScopeTable(HOME).faults(None, "cn\u2011north-4")
    assert reason.endswith(" (U+2011 NON-BREAKING HYPHEN at character 3)")
    table = ScopeTable(msgspec.structs.replace(LOCAL, region="cn-north-4"))
    shown = "'cn-n\u043erth-4' (U+043E CYRILLIC SMALL LETTER O at character 5)"
    assert table.faults(None, "cn-n\u043erth-4") == [
        ("region", f"{shown}, but --endpoint serves cn-north-4; make one run for each region")
    ]


def test_a_project_in_two_spellings_is_not_two_projects() -> None:
    """It would get twice its rate. The usual pattern admits one spelling only."""
    table = ScopeTable(JobSpec(region="cn-north-4", project_pattern="[0-9a-fA-F]{32}"))
    assert table.find(OTHER_PROJECT, None) is not None
    assert table.find(OTHER_PROJECT.upper(), "cn-east-3") is None
    assert table.faults(OTHER_PROJECT.upper(), None) == [
        (
            "project_id",
            f"'{OTHER_PROJECT.upper()}' differs only in case from '{OTHER_PROJECT}'; write a project in one way",
        )
    ]


def test_all_that_is_missing_is_told() -> None:
    """With the ways to give it."""
    table = ScopeTable(JobSpec())
    assert table.find(None, "") is None
    assert table.faults(None, "") == [
        ("project_id", "is missing; fill the column or say --project-id"),
        ("region", "is missing; fill the column or say --region"),
    ]


def test_a_plan_imports_no_reader_until_it_reads() -> None:
    """Half a second and 100 MB that `--help`, `status` and `report` must not pay."""
    code = (
        "import jobs.manifest.planner, sys; "
        "sys.exit(bool({'pandas', 'pyarrow', 'compression.zstd', 'backports.zstd', 'numpy'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[4]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
