"""The rights of the login, by the names that a policy has for them: what it may not do is refused."""

from collections.abc import Sequence

from batch.sandbox.refusals import Refusal, refusal
from batch.sandbox.wire import Operation

RIGHTS = {
    "csms:secret:update": Operation.UPDATE_SECRET,
    "csms:secret:get": Operation.SHOW_SECRET,
    "csms:secret:list": Operation.LIST_SECRETS,
    "csms:secret:listVersion": Operation.LIST_VERSIONS,
    "csms:secret:createVersion": Operation.CREATE_VERSION,
    "kms:cmk:get": Operation.DESCRIBE_KEY,
    "kms:cmk:list": Operation.LIST_KEYS,
    "iam:projects:listProjects": Operation.LIST_PROJECTS,
}
_NAMES = {operation: name for name, operation in RIGHTS.items()}


def parse_rights(names: Sequence[str]) -> frozenset[Operation]:
    """The operations that need the rights of these names.

    Raises:
        ValueError: there is no such right here.
    """
    unknown = sorted(set(names) - set(RIGHTS))
    if unknown:
        raise ValueError(f"right {unknown[0]!r}: unknown, know {', '.join(sorted(RIGHTS))}")
    return frozenset(RIGHTS[name] for name in names)


def missing_right(operation: Operation) -> Refusal:
    """What the service behind the operation says to a login that lacks the right."""
    name = _NAMES[operation]
    match name.partition(":")[0]:
        case "csms":
            return refusal("CSMS.0302", name)
        case "kms":
            return refusal("KMS.0307", name)
        case _:
            return refusal("IAM.0002", name)
