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
from batch.csms.auth.profile import find_profile
from batch.csms.auth.token import TOKEN_VARIABLE, find_token
from batch.csms.auth.variables import Variables
from jobs.spec import Agency, Auth

_GIVE = {
    Auth.AUTO: f"set {TOKEN_VARIABLE}, or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or OS_USERNAME and OS_PASSWORD, or"
    " give --token-file, or write ~/.huaweicloud/credentials; no ECS metadata service answers here",
    Auth.TOKEN: f"set {TOKEN_VARIABLE} or give --token-file",
    Auth.AKSK: "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or write ~/.huaweicloud/credentials",
    Auth.IAM: "set OS_USERNAME, OS_PASSWORD, OS_USER_DOMAIN_NAME and OS_AUTH_URL",
    Auth.ECS: "no ECS metadata service: not running on a cloud server",
    Auth.POD: "not running in a pod with an identity: the cluster sets HC_CONTAINER_CREDENTIALS_FULL_URI in one",
    Auth.OIDC: "set HUAWEICLOUD_OIDC_PROVIDER_URN, HUAWEICLOUD_OIDC_AGENCY_URN and HUAWEICLOUD_OIDC_TOKEN_FILE",
    Auth.FEDERATED: "set HUAWEICLOUD_SDK_IDP_ID and HUAWEICLOUD_SDK_ID_TOKEN_FILE",
}
_OF_A_PROFILE = {Auth.AKSK, Auth.FEDERATED}
_Finder = tuple[set[Auth], Callable[[], Login | None]]
_BY_PROFILE = {Auth.AUTO, *_OF_A_PROFILE}


def find_login(
    auth: Auth,
    token_file: Path | None,
    *,
    connect: Connect,
    environment: Mapping[str, str] = os.environ,
    utc: Callable[[], float] = time.time,
    region: str | None = None,
    agency: Agency | None = None,
    profile: str | None = None,
) -> Login:
    """The first login that is given, in the order of the list below; with an `agency`, here or in the environment, it
    takes that on.

    A `profile` that is named is the only place to look, unless a login of another kind is. What is given only in part
    is an error. `connect` is for the requests of the login itself, `utc` gives seconds since 1970. STS and IAM are in
    the `region` unless the environment names them.

    Raises:
        NoLoginError: none is given.
        CredentialError: the one that is given cannot be used.
    """
    variables = Variables(environment)
    variables.refuse_unusable(chosen=auth is not Auth.AUTO or token_file is not None or profile is not None)
    finders: list[_Finder] = [
        ({Auth.TOKEN}, lambda: find_token(variables, token_file, connect)),
        ({Auth.OIDC}, lambda: find_oidc(variables, connect, utc, region)),
        ({Auth.FEDERATED}, lambda: find_federated(variables, connect, utc, region)),
        ({Auth.AKSK}, lambda: find_environment_keys(variables, connect, utc)),
        (_OF_A_PROFILE, lambda: find_profile(variables, connect, utc, region, profile)),
        ({Auth.IAM}, lambda: find_password(variables, connect, utc)),
        ({Auth.POD}, lambda: find_pod_identity(variables, connect, utc)),
        ({Auth.ECS}, lambda: find_ecs(variables, connect, utc, probe=auth is Auth.AUTO)),
    ]
    login = _first(auth, finders, by_profile=profile is not None and auth in _BY_PROFILE)
    if login is None:
        raise NoLoginError(f"no credential: {_GIVE[auth]}")
    if (wanted := agency or agency_in(variables) or login.describe().agency) is not None:
        return AgencyLogin(login, wanted, region=region, connect=connect, environment=variables, utc=utc)
    return login


def _first(auth: Auth, finders: list[_Finder], *, by_profile: bool) -> Login | None:
    for kinds, find in finders:
        asked = kinds is _OF_A_PROFILE if by_profile else auth in {Auth.AUTO, *kinds}
        login = find() if asked else None
        if login is not None and auth in {Auth.AUTO, login.describe().kind}:
            return login
    return None
