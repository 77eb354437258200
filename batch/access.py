"""How a run gets in: the network it goes over and the login it uses, made from options and environment."""

import os
from dataclasses import dataclass

from batch.csms.auth import Login, find_login
from batch.csms.network import Network, open_network
from batch.options import AuthOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Both together; nothing has been sent yet."""

    network: Network
    login: Login


def open_access(options: AuthOptions) -> Access:
    """Builds the TLS context once and finds the login.

    Raises:
        SpecError: an option cannot be used.
        CredentialError: no login is given, or the one that is cannot be used.
    """
    network = open_network(ca_file=options.ca_file, proxy=options.proxy, environment=os.environ)
    return Access(network=network, login=find_login(options.auth, options.token_file, connect=network.login_wire))
