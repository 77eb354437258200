"""The ways the service says no: documented codes, their HTTP status, and the body shape of who says it."""

import http

import msgspec

_CATALOG = {
    "CSMS.0002": (400, "A parameter is invalid."),
    "CSMS.0003": (400, "The request is invalid."),
    "CSMS.0004": (400, "The request body is malformed."),
    "CSMS.0103": (400, "The secret is in the scheduled deletion state."),
    "CSMS.0106": (400, "The secret name does not exist."),
    "CSMS.0109": (403, "The secret is not enabled."),
    "CSMS.0302": (403, "Access to the resource is denied."),
    "CSMS.0401": (400, "KMS failed to encrypt or decrypt the secret value."),
    "KMS.0205": (400, "The key ID is invalid."),
    "KMS.0207": (404, "The key does not exist."),
    "KMS.0307": (403, "The role does not have the permission for this API."),
    "KMS.0308": (400, "A field of the request is invalid."),
    "KMS.0321": (403, "The project in the URL does not match the token."),
    "APIGW.0101": (404, "The API does not exist or has not been published in the environment."),
    "APIGW.0201": (504, "Backend timeout."),
    "APIGW.0301": (401, "Incorrect IAM authentication information."),
    "APIGW.0302": (403, "The IAM user is not authorized to access the API."),
    "APIGW.0307": (401, "The token must be updated."),
    "APIG.0308": (429, "The throttling threshold has been reached."),
    "APIGW.0601": (500, "Internal server error."),
    "APIGW.0610": (502, "The backend address is not found."),
    "APIGW.0613": (503, "The IAM service is not available."),
    "IAM.0001": (401, "The request you have made requires authentication."),
    "IAM.0002": (403, "You are not authorized to perform the requested action."),
    "IAM.0062": (401, "The username or password is wrong."),
    "IAM.0007": (400, "The request body is invalid."),
    "IAM.0004": (404, "Could not find project."),
    "CI.0401": (401, "The request token is not valid."),
    "POD.0400": (400, "The request body is invalid."),
    "POD.0401": (401, "The service account token is not valid."),
    "STS.0400": (400, "The request body is invalid."),
    "STS.0401": (401, "The ID token is not valid."),
    "STS.0403": (403, "The agency does not trust the identity provider."),
    "META.0401": (401, "The metadata token is missing or not valid."),
    "META.0404": (404, "Please configure Cloud Service Agency first."),
    "META.0405": (405, "Method not allowed."),
}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A definite no: `headers` go out on top of the usual ones."""

    code: str
    status: int
    message: str
    headers: tuple[tuple[str, str], ...] = ()


class RefusedError(Exception):
    """Carries a refusal from where it is found to where it is answered."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code}: {refusal.message}")
        self.refusal = refusal


def refusal(
    code: str,
    detail: str = "",
    *,
    status: int | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Refusal:
    """The catalogued refusal, with `detail` behind its text; `status` for a code that comes with several."""
    usual_status, text = _CATALOG[code]
    message = f"{text.rstrip('.')}: {detail}" if detail else text
    return Refusal(code=code, status=status or usual_status, message=message, headers=headers)


def refused(code: str, detail: str = "") -> RefusedError:
    """The same as an exception to raise."""
    return RefusedError(refusal(code, detail))


class _Flat(msgspec.Struct):
    error_code: str
    error_msg: str


class _Nested(msgspec.Struct):
    error: _Flat


class _Gateway(msgspec.Struct):
    error_msg: str
    error_code: str
    request_id: str


class _Keystone(msgspec.Struct):
    code: int
    message: str
    title: str


class _KeystoneNested(msgspec.Struct):
    error: _Keystone


def body_of(no: Refusal, request_id: str) -> bytes:
    """The body in the refusing service's form: CSMS flat, KMS nested, IAM v3 with a number, the gateway by itself."""
    match no.code.partition(".")[0]:
        case "CSMS":
            return msgspec.json.encode(_Flat(no.code, no.message))
        case "KMS":
            return msgspec.json.encode(_Nested(_Flat(no.code, no.message)))
        case "IAM":
            title = http.HTTPStatus(no.status).phrase
            return msgspec.json.encode(_KeystoneNested(_Keystone(no.status, no.message, title)))
        case _:
            return msgspec.json.encode(_Gateway(no.message, no.code, request_id)) + b"\n"
