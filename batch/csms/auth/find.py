"""Chooses how a run logs in, from what is given outside the command line."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from batch.csms.auth.agency import AgencyLogin, agency_in
from batch.csms.auth.credential import Connect, Login, NoLoginError
from batch.csms.auth.ecs import find_ecs
from batch.csms.auth.environment import find_environment_keys
from batch.csms.auth.federated import find_federated
from batch.csms.auth.oidc import find_oidc
from batch.csms.auth.password import find_password
from batch.csms.auth.pod_identity import find_pod_identity
from batch.csms.auth.profile import find_profile_keys
from batch.csms.auth.token import TOKEN_VARIABLE, find_token
from jobs.spec import Agency, Auth

_GIVE = {
    Auth.AUTO: f"set {TOKEN_VARIABLE}, or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or OS_USERNAME and OS_PASSWORD, or"
    " give --token-file, or write ~/.huaweicloud/credentials; no ECS metadata service answers here",
    Auth.TOKEN: f"set {TOKEN_VARIABLE} or give --token-file",
    Auth.AKSK: "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or write ~/.huaweicloud/credentials",
    Auth.IAM: "set OS_USERNAME, OS_PASSWORD, OS_USER_DOMAIN_NAME and OS_AUTH_URL",
    Auth.ECS: "this is no cloud server",
    Auth.POD: "this is no pod with an identity: the cluster sets HC_CONTAINER_CREDENTIALS_FULL_URI in one",
    Auth.OIDC: "set HUAWEICLOUD_OIDC_PROVIDER_URN, HUAWEICLOUD_OIDC_AGENCY_URN and HUAWEICLOUD_OIDC_TOKEN_FILE",
    Auth.FEDERATED: "set HUAWEICLOUD_SDK_IDP_ID and HUAWEICLOUD_SDK_ID_TOKEN_FILE",
}


def find_login(
    auth: Auth,
    token_file: Path | None,
    *,
    connect: Connect,
    environment: Mapping[str, str] = os.environ,
    utc: Callable[[], float] = time.time,
    region: str | None = None,
    agency: Agency | None = None,
) -> Login:
    """The first login that is given, in the order token, OpenID Connect, federation, access keys, credentials file,
    password, pod identity, ECS agency; with an `agency`, here or in the environment, it takes that on.

    What is given only in part is an error, never passed over. `connect` is for the requests of the login itself,
    `utc` tells seconds since 1970. STS and IAM are in the `region` unless the environment names them.

    Raises:
        NoLoginError: none is given.
        CredentialError: the one that is given cannot be used.
    """
    finders: list[tuple[set[Auth], Callable[[], Login | None]]] = [
        ({Auth.TOKEN}, lambda: find_token(environment, token_file, connect)),
        ({Auth.OIDC}, lambda: find_oidc(environment, connect, utc, region)),
        ({Auth.FEDERATED}, lambda: find_federated(environment, connect, utc, region)),
        ({Auth.AKSK}, lambda: find_environment_keys(environment, connect, utc)),
        ({Auth.AKSK, Auth.FEDERATED}, lambda: find_profile_keys(environment, connect, utc, region)),
        ({Auth.IAM}, lambda: find_password(environment, connect, utc)),
        ({Auth.POD}, lambda: find_pod_identity(environment, connect, utc)),
        ({Auth.ECS}, lambda: find_ecs(environment, connect, utc, probe=auth is Auth.AUTO)),
    ]
    for kinds, find in finders:
        login = find() if auth in {Auth.AUTO, *kinds} else None
        if login is not None and auth in {Auth.AUTO, login.describe().kind}:
            wanted = agency or agency_in(environment) or login.describe().agency
            if wanted is None:
                return login
            return AgencyLogin(login, wanted, region=region, connect=connect, environment=environment, utc=utc)
    raise NoLoginError(f"no credential: {_GIVE[auth]}")
