"""Which cloud a host belongs to, so that what one cloud gave out is never offered to the host of another."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from batch.csms.auth.credential import CredentialError
from batch.csms.auth.variables import IAM_ENDPOINT_VARIABLE, Variables
from jobs.endpoint import is_loopback
from jobs.regions import CLOUDS, endpoint_for
from jobs.spec import JobSpec

CLOUD = "HW_CLOUD"
REGION_PREFIX = "HUAWEICLOUD_SDK_REGION_CSMS_"
"""Before a region's name: where the vendor's SDK looks for CSMS in it."""


def endpoint_named(region: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable that says where a region has CSMS, and where; None where the table of regions holds."""
    name = REGION_PREFIX + region.upper().replace("-", "_")
    if given := environment.get(name):
        return name, given.partition(",")[0].strip()
    cloud = other_cloud(environment)
    return None if cloud is None else (CLOUD, f"https://kms.{region}.{cloud}")


def other_cloud(environment: Mapping[str, str]) -> str | None:
    """The domain of a cloud that the table of regions does not know, where the environment names one."""
    cloud = environment.get(CLOUD, "").strip().lower().strip(".")
    return cloud if cloud and cloud not in CLOUDS else None


def iam_named(environment: Mapping[str, str]) -> bool:
    """Whether the environment says where IAM is, by its address or by the cloud that it is in."""
    return bool(environment.get(IAM_ENDPOINT_VARIABLE)) or other_cloud(environment) is not None


def require_one_cloud(spec: JobSpec, environment: Mapping[str, str]) -> None:
    """Makes sure that hosts out of the table of regions are those of the cloud that the login is for. A host that a
    person names with --endpoint is their own choice.

    Raises:
        CredentialError: another cloud is named.
    """
    if spec.endpoint is not None:
        return
    named = [CLOUD] if other_cloud(environment) else []
    named += [name for name in environment if name.startswith(REGION_PREFIX) and environment.get(name)]
    if named:
        raise CredentialError(f"{named[0]} is set, and says nothing of the regions of this job: say --endpoint")
    variables = Variables(environment)
    iam = urlsplit(variables.get(IAM_ENDPOINT_VARIABLE, "")).hostname or ""
    if not iam or is_loopback(iam) or _is_address(iam):
        return
    served = urlsplit(endpoint_for(spec.region)).hostname or "" if spec.region else ""
    clouds = [cloud for cloud in CLOUDS if not served or served.endswith(f".{cloud}")]
    if not any(iam.endswith(f".{cloud}") for cloud in clouds):
        where = (
            f"{spec.region} is served by {served}" if served else f"regions are served by *.{' and *.'.join(clouds)}"
        )
        name = variables.name_of(IAM_ENDPOINT_VARIABLE)
        raise CredentialError(
            f"{name} says that IAM is {iam}, but {where}, another cloud, which the login is not offered to:"
            " say with --endpoint where CSMS is"
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
