"""How requests are allowed: one interface, one file per kind of credential."""

from batch.csms.auth.credential import (
    Connect,
    Credential,
    CredentialError,
    Description,
    Login,
    LoginRefusedError,
    NoLoginError,
    NotAuthorizedError,
    valid_text,
)
from batch.csms.auth.find import find_login
from batch.csms.auth.token import TokenCredential
from batch.redaction.masked import Masked

__all__ = [
    "Connect",
    "Credential",
    "CredentialError",
    "Description",
    "Login",
    "LoginRefusedError",
    "Masked",
    "NoLoginError",
    "NotAuthorizedError",
    "TokenCredential",
    "find_login",
    "valid_text",
]
