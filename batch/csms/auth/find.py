"""Chooses how a run logs in, from what is given outside the command line."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import assert_never

from batch.csms.auth.credential import Connect, Login, NoLoginError
from batch.csms.auth.ecs import find_ecs
from batch.csms.auth.environment import find_environment_keys
from batch.csms.auth.password import find_password
from batch.csms.auth.profile import find_profile_keys
from batch.csms.auth.token import TOKEN_VARIABLE, find_token
from batch.csms.auth.variables import Variables
from jobs.spec import Auth

_GIVE = {
    Auth.AUTO: f"set {TOKEN_VARIABLE}, or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or OS_USERNAME and OS_PASSWORD, or"
    " give --token-file, or write ~/.huaweicloud/credentials; no ECS metadata service answers here",
    Auth.TOKEN: f"set {TOKEN_VARIABLE} or give --token-file",
    Auth.AKSK: "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or write ~/.huaweicloud/credentials",
    Auth.IAM: "set OS_USERNAME, OS_PASSWORD, OS_USER_DOMAIN_NAME and OS_AUTH_URL",
    Auth.ECS: "this is no cloud server",
}


def find_login(
    auth: Auth,
    token_file: Path | None,
    *,
    connect: Connect,
    environment: Mapping[str, str] = os.environ,
    utc: Callable[[], float] = time.time,
) -> Login:
    """The first login that is given, in the order token, access keys, credentials file, password, ECS agency.

    What is given only in part is an error, never passed over. `connect` is for the requests of the login itself,
    `utc` tells seconds since 1970.

    Raises:
        NoLoginError: none is given.
        CredentialError: the one that is given cannot be used.
    """
    variables = Variables(environment)
    variables.refuse_unusable(chosen=auth is not Auth.AUTO or token_file is not None)
    finders: list[Callable[[], Login | None]] = [
        lambda: find_token(variables, token_file, connect),
        lambda: find_environment_keys(variables, connect, utc),
        lambda: find_profile_keys(variables, connect, utc),
        lambda: find_password(variables, connect, utc),
        lambda: find_ecs(variables, connect, utc, probe=auth is Auth.AUTO),
    ]
    for find in _chosen(auth, finders):
        login = find()
        if login is not None:
            return login
    raise NoLoginError(f"no credential: {_GIVE[auth]}")


def _chosen(auth: Auth, finders: list[Callable[[], Login | None]]) -> list[Callable[[], Login | None]]:
    match auth:
        case Auth.AUTO:
            return finders
        case Auth.TOKEN:
            return finders[:1]
        case Auth.AKSK:
            return finders[1:3]
        case Auth.IAM:
            return finders[3:4]
        case Auth.ECS:
            return finders[4:]
        case _:
            assert_never(auth)
