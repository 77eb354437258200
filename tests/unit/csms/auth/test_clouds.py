"""What one cloud gave out is never offered to the host of another."""

from typing import Any

import pytest

from batch.csms.auth import CredentialError
from batch.csms.auth.clouds import require_one_cloud
from batch.csms.auth.iam import IAM, STS, service_endpoint
from batch.csms.auth.variables import Variables
from jobs.spec import JobSpec

SBER = "https://iam.ru-moscow-1.hc.sbercloud.ru/v3"
OURS = "https://iam.cn-north-4.myhuaweicloud.com/v3"


@pytest.mark.parametrize(
    ("spec", "environment"),
    [
        ({"region": "ru-moscow-1"}, {}),
        ({"region": "ru-moscow-1"}, {"OS_AUTH_URL": OURS}),
        ({"region": "cn-north-4"}, {"HW_AUTH_URL": "https://iam.myhuaweicloud.com:443/v3"}),
        ({"region": "eu-west-101"}, {"OS_AUTH_URL": "https://iam.eu-west-101.myhuaweicloud.eu/v3"}),
        ({}, {"OS_AUTH_URL": OURS}),
        ({"region": "cn-north-4"}, {"OS_AUTH_URL": "http://127.0.0.1:9/v3"}),
        ({"region": "cn-north-4"}, {"OS_AUTH_URL": "https://10.1.2.3/v3"}),
        ({"region": "ru-moscow-1", "endpoint": "https://kms.example.ru"}, {"OS_AUTH_URL": SBER}),
        ({"region": "ru-moscow-1", "endpoint": "https://kms.example.ru"}, {"HW_CLOUD": "example.ru"}),
        ({"region": "cn-north-4"}, {"HW_CLOUD": "myhuaweicloud.com"}),
    ],
)
def test_one_cloud_is_no_reason_to_refuse(spec: dict[str, Any], environment: dict[str, str]) -> None:
    require_one_cloud(JobSpec(**spec), environment)


@pytest.mark.parametrize(
    ("spec", "environment", "words"),
    [
        (
            {"region": "ru-moscow-1"},
            {"OS_AUTH_URL": SBER},
            "OS_AUTH_URL says that IAM is iam.ru-moscow-1.hc.",
        ),
        ({"region": "ru-moscow-1"}, {"HUAWEICLOUD_SDK_IAM_ENDPOINT": SBER}, "HUAWEICLOUD_SDK_IAM_ENDPOINT says"),
        ({}, {"HW_AUTH_URL": SBER}, "HW_AUTH_URL says"),
        ({"region": "eu-west-101"}, {"OS_AUTH_URL": OURS}, "another cloud"),
        ({"region": "cn-north-4"}, {"OS_AUTH_URL": "https://iam.evilmyhuaweicloud.com"}, "another cloud"),
        ({}, {"HW_CLOUD": "hc.sbercloud.ru"}, "HW_CLOUD is set"),
        ({"region": "cn-north-4"}, {"HUAWEICLOUD_SDK_REGION_CSMS_EU_DE": "https://x"}, "CSMS_EU_DE is set"),
    ],
)
def test_hosts_of_two_clouds_are_refused(spec: dict[str, Any], environment: dict[str, str], words: str) -> None:
    with pytest.raises(CredentialError, match=r"say.* --endpoint") as caught:
        require_one_cloud(JobSpec(**spec), environment)
    assert words in str(caught.value)


def test_in_another_cloud_its_own_iam_and_sts_are_asked() -> None:
    other = Variables({"HW_CLOUD": "hc.sbercloud.ru"})
    assert service_endpoint(IAM, "ru-moscow-1", other) == "https://iam.ru-moscow-1.hc.sbercloud.ru"
    assert service_endpoint(STS, "ru-moscow-1", other) == "https://sts.ru-moscow-1.hc.sbercloud.ru"
    assert service_endpoint(IAM, "ru-moscow-1", Variables({})) == "https://iam.ru-moscow-1.myhuaweicloud.com"
