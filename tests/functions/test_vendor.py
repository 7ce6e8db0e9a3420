"""What is vendored is declared where scanners of dependencies look for it, with the version that is really there."""

from functions.vendor import pymysql
from tests.assembly import ROOT

VENDOR = ROOT / "functions" / "vendor"


def test_each_vendored_package_is_declared_with_its_version() -> None:
    declared = (VENDOR / "vendor.txt").read_text(encoding="utf-8").splitlines()
    assert declared == [f"PyMySQL=={pymysql.VERSION_STRING}"]
    assert {path.name for path in VENDOR.iterdir() if path.is_dir() and path.name != "__pycache__"} == {"pymysql"}


def test_its_own_page_names_the_same_version() -> None:
    page = (VENDOR / "pymysql" / "README.md").read_text(encoding="utf-8")
    assert f"| Package | PyMySQL {pymysql.VERSION_STRING}," in page
