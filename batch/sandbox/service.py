"""The service itself: a request and the time go in, an answer comes out; no socket, no clock."""

import random
from typing import Literal, assert_never, get_args

from batch.sandbox import csms, iam, kms
from batch.sandbox.auth import Directory
from batch.sandbox.checks import Authenticator
from batch.sandbox.identity import IdentityService
from batch.sandbox.metadata import MetadataService
from batch.sandbox.refusals import Refusal, RefusedError, body_of, refusal
from batch.sandbox.result import Result
from batch.sandbox.rights import missing_right
from batch.sandbox.terms import Terms
from batch.sandbox.wire import Operation, Reply, Request, Route
from batch.sandbox.world import Project, World

_Open = Literal[
    Operation.CREATE_TOKEN,
    Operation.CREATE_METADATA_TOKEN,
    Operation.SHOW_SECURITY_KEY,
    Operation.CREATE_TOKEN_BY_ID_TOKEN,
    Operation.CREATE_KEYS,
    Operation.ASSUME_WITH_OIDC,
    Operation.ASSUME_FOR_POD,
    Operation.VOUCH,
]
_OPEN = frozenset(get_args(_Open))
"""What the gateway lets everybody ask: these check the caller themselves."""


class Service:
    """CSMS, KMS and IAM behind one gateway, over one world.

    Times are seconds since the start, never going back; `epoch_s` is the start in UTC seconds since 1970. `rng` makes
    the request ids. `auth` is asked for every request but those that get a credential, which `metadata` and IAM check
    themselves. `terms` may be changed at any time.
    """

    def __init__(
        self,
        world: World,
        *,
        directory: Directory,
        auth: Authenticator,
        terms: Terms,
        rng: random.Random,
        epoch_s: float,
        metadata: MetadataService,
    ) -> None:
        self.world = world
        self.directory = directory
        self.epoch_s = epoch_s
        self.auth = auth
        self._metadata = metadata
        self._identity = IdentityService(directory, auth, epoch_s=epoch_s)
        self.terms = terms
        self._rng = rng

    def answer(self, request: Request, route: Route | None, now_s: float) -> Reply:
        """The whole way of a request: gateway, then operation. `route` None is a path that is not served."""
        if route is None:
            return self.refuse(request, refusal("APIGW.0101"))
        return self.admit(request, route, now_s) or self.perform(request, route, now_s)

    def admit(self, request: Request, route: Route | None, now_s: float) -> Reply | None:
        """The gateway's part: None lets the request pass and counts it, an answer turns it away."""
        if route is None:
            return self.refuse(request, refusal("APIGW.0101"))
        try:
            self._check(request, route, now_s)
        except RefusedError as error:
            return self.refuse(request, error.refusal)
        return None

    def perform(self, request: Request, route: Route, now_s: float) -> Reply:
        """The operation's part, for a request that was let in."""
        try:
            result = self._operate(request, route, now_s)
        except RefusedError as error:
            return self.refuse(request, error.refusal)
        return self.envelop(request, result)

    def refuse(self, request: Request, no: Refusal) -> Reply:
        """The answer that says no."""
        request_id = self._request_id()
        server = "api-gateway" if no.code.startswith("APIG") else "CloudWAF"
        return Reply(
            status=no.status,
            body=body_of(no, request_id),
            headers=(*self._headers(request, request_id, server, "application/json"), *no.headers),
            request_id=request_id,
        )

    def envelop(self, request: Request, result: Result) -> Reply:
        """The answer that carries a result, with the service's usual headers."""
        request_id = self._request_id()
        return Reply(
            status=result.status,
            body=result.body,
            headers=(*self._headers(request, request_id, "CloudWAF", result.content_type), *result.headers),
            request_id=request_id,
            applied=result.applied,
        )

    def _check(self, request: Request, route: Route, now_s: float) -> None:
        if route.operation in _OPEN:
            return
        caller = self.auth.check(request, now_s)
        if route.operation is not Operation.LIST_PROJECTS:
            quota = self.terms.quota
            over = quota.check(route.project_id, now_s) if quota else None
            if over is not None:
                raise RefusedError(over)
            if route.project_id not in caller.project_ids:
                raise RefusedError(_wrong_project(route))
        if route.operation in self.terms.denied:
            raise RefusedError(missing_right(route.operation))

    def _operate(self, request: Request, route: Route, now_s: float) -> Result:
        match route.operation:
            case Operation.UPDATE_SECRET:
                return csms.update_secret(self._project(route), route, request, self.epoch_s + now_s)
            case Operation.SHOW_SECRET:
                return csms.show_secret(self._project(route), route)
            case Operation.LIST_SECRETS:
                return csms.list_secrets(self._project(route), route, self.terms.lists)
            case Operation.LIST_VERSIONS:
                return csms.list_versions(self._project(route), route, self.terms.lists)
            case Operation.CREATE_VERSION:
                return csms.create_version(self._project(route), route, request, self.epoch_s + now_s)
            case Operation.DESCRIBE_KEY:
                return kms.describe_key(self._project(route), request)
            case Operation.LIST_KEYS:
                return kms.list_keys(self._project(route), request, self.terms.lists)
            case Operation.LIST_PROJECTS:
                return iam.list_projects(self.world, route)
            case opened:
                return self._give_credential(request, opened, now_s)

    def _give_credential(self, request: Request, operation: _Open, now_s: float) -> Result:
        match operation:
            case Operation.CREATE_METADATA_TOKEN:
                return self._metadata.create_token(request)
            case Operation.SHOW_SECURITY_KEY:
                return self._metadata.show_keys(request, now_s=now_s, epoch_s=self.epoch_s)
            case Operation.CREATE_TOKEN:
                return iam.create_token(self.world, self.directory, request, now_s=now_s, epoch_s=self.epoch_s)
            case Operation.CREATE_TOKEN_BY_ID_TOKEN:
                return self._identity.token_for_id_token(request, now_s)
            case Operation.CREATE_KEYS:
                return self._identity.create_keys(request, now_s)
            case Operation.ASSUME_WITH_OIDC:
                return self._identity.assume_with_oidc(request, now_s)
            case Operation.VOUCH:
                return self._identity.vouch(request, now_s)
            case Operation.ASSUME_FOR_POD:
                return self._identity.keys_for_pod(request, now_s)
            case _:
                assert_never(operation)

    def _project(self, route: Route) -> Project:
        project = self.world.projects.get(route.project_id)
        if project is None:
            raise RefusedError(_wrong_project(route))
        return project

    def _request_id(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    def _headers(self, request: Request, request_id: str, server: str, content: str) -> tuple[tuple[str, str], ...]:
        usual = (("Content-Type", content), ("X-Request-Id", request_id), ("Server", server))
        if "HWWAFSESID" in request.headers.get("Cookie", ""):
            return usual
        return (
            *usual,
            ("Set-Cookie", f"HWWAFSESID={request_id[:20]}; path=/"),
            ("Set-Cookie", f"HWWAFSESTIME={int(self.epoch_s) * 1000}; path=/"),
        )


def _wrong_project(route: Route) -> Refusal:
    if route.operation in {Operation.DESCRIBE_KEY, Operation.LIST_KEYS}:
        return refusal("KMS.0321")
    return refusal("CSMS.0302", route.project_id)
