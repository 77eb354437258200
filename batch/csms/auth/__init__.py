"""How requests are allowed: one interface, one file per kind of credential."""

from batch.csms.auth.credential import Credential, CredentialError, Masked
from batch.csms.auth.find import find_credential
from batch.csms.auth.token import TokenCredential

__all__ = ["Credential", "CredentialError", "Masked", "TokenCredential", "find_credential"]
