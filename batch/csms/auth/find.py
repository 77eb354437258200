"""Chooses the credential of a run from what is given outside the command line."""

import os
from pathlib import Path

from batch.csms.auth.credential import Credential, CredentialError
from batch.csms.auth.token import TOKEN_VARIABLE, TokenCredential, find_token
from jobs.spec import Auth


def find_credential(auth: Auth, token_file: Path | None) -> Credential:
    """The first credential that is given, in a fixed order.

    Raises:
        CredentialError: none is, or the one that is cannot be used.
    """
    if auth not in {Auth.AUTO, Auth.TOKEN}:
        raise CredentialError(f"--auth {auth.value} is not available in this release; use a token")
    token = find_token(os.environ, token_file)
    if token is None:
        raise CredentialError(f"no credential: set {TOKEN_VARIABLE} or give --token-file")
    return TokenCredential(token)
