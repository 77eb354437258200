"""A small sandbox without sockets, and requests to ask it with."""

import json
from dataclasses import dataclass, field
from typing import Any

from batch.sandbox.assembly import Sandbox, build_sandbox
from batch.sandbox.model import KeyIds
from batch.sandbox.wire import Reply, Request, find_route
from batch.sandbox.world import Project, build_world

EPOCH_S = 1_800_000_000.25
"""2027-01-15 08:00:00.25 UTC."""


def small_sandbox(*, secrets: int = 10, projects: int = 1, **more: Any) -> Sandbox:
    """A sandbox of ten secrets in one project, or as told; the rest goes to `build_sandbox`."""
    return build_sandbox(build_world(seed=7, secrets=secrets, projects=projects), seed=7, epoch_s=EPOCH_S, **more)


def json_of(answer: Reply) -> Any:
    return json.loads(answer.body)


@dataclass(frozen=True)
class Desk:
    """A sandbox and its first project, secret and keys; `{p}` and `{s}` in a target stand for the first two."""

    sandbox: Sandbox = field(default_factory=small_sandbox)

    @property
    def project(self) -> Project:
        return next(iter(self.sandbox.world.projects.values()))

    @property
    def name(self) -> str:
        return self.project.names[0]

    @property
    def keys(self) -> KeyIds:
        return self.project.key_ids

    def request(self, line: str, body: object = None, headers: dict[str, str] | None = None) -> Request:
        """With the token unless told otherwise; bytes are sent as they are."""
        method, target = line.split(" ", 1)
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        usual = {"X-Auth-Token": self.sandbox.token, "Content-Type": "application/json"}
        return Request(
            method=method,
            target=target.replace("{p}", self.project.id).replace("{s}", self.name if "{s}" in target else ""),
            headers=usual if headers is None else headers,
            body=raw,
        )

    def ask(
        self, line: str, body: object = None, *, headers: dict[str, str] | None = None, now_s: float = 0.0
    ) -> Reply:
        """Asks the service itself, with nothing in between."""
        request = self.request(line, body, headers)
        return self.sandbox.exchange.service.answer(request, find_route(request.method, request.target), now_s)

    def move(self, name: str | None = None) -> Request:
        """The update of a secret, the first one unless named, to the new key."""
        return self.request(f"PUT /v1/{{p}}/secrets/{name or self.name}", {"kms_key_id": self.keys.new})

    def key_of(self, name: str | None = None) -> str:
        """The key the secret is on now."""
        return self.project.secrets[name or self.name].kms_key_id
