"""What can be asked, as values."""

from batch.inventory.errands import DescribeKeys
from jobs.model import Scope

KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"


def test_a_key_in_several_spellings_is_asked_for_once_as_kms_writes_it() -> None:
    spellings = [KEY.replace("-", ""), KEY.upper(), KEY, "of-a-pattern-of-its-own"]
    asked = DescribeKeys.of(Scope(endpoint="https://csms.example", project_id="p"), spellings)
    assert asked.key_ids == (KEY, "of-a-pattern-of-its-own")
