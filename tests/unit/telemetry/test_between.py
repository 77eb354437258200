"""What a command that decides between two waves may know of the environment of its run."""

import pytest

from batch.redaction.masked import Masked
from batch.redaction.redactor import Redactor
from batch.telemetry.between import without_credentials

TOKEN = "kT8w-Zq4vP0rL2nXs6"  # noqa: S105 - of a test


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("PATH", "/usr/bin", True),
        ("STAGE", "test", True),
        ("CSMS_REKEY_RATE", "5/s", False),
        ("CSMS_REKEY_TOKEN", "x", False),
        ("HUAWEICLOUD_SDK_AK", "x", False),
        ("OS_PASSWORD", "x", False),
        ("OS_AUTH_URL", "https://iam.example", False),
        ("os_password", "x", False),
        ("HW_SECRET_KEY", "x", False),
        ("HC_TOKEN", "x", False),
        ("OSTYPE", "linux", True),
        ("COPY", TOKEN, False),
        ("URL", f"https://user:{TOKEN}@example.com", False),
        ("QUOTED", f'{{"token": "{TOKEN}"}}', False),
    ],
)
def test_no_option_no_login_and_no_value_with_a_secret_is_passed_on(name: str, value: str, *, kept: bool) -> None:
    redactor = Redactor()
    redactor.watch(lambda: (Masked(TOKEN),))
    assert without_credentials({name: value}, redactor.clean) == ({name: value} if kept else {})
