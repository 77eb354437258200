"""A made-up account: projects with their keys and secrets, the same for the same seed."""

import bisect
import random
import uuid
from dataclasses import dataclass, field

from msgspec.structs import replace

from batch.sandbox.model import KeyIds, KeyState, KmsKey, Secret, SecretState, Version

_BORN_S = 1_704_067_200  # 2024-01-01: everything was made in the year after it
_YEAR_S = 365 * 86_400
_APPS = ("payments", "orders", "billing", "search", "catalog", "ledger-api", "gateway", "mail", "reports", "sso.core")
_KINDS = ("db", "redis", "api-key", "smtp", "s3_backup", "tls", "webhook", "kafka")
_REGION = "cn-north-4"
_MOST_VERSIONS = 20  # the service keeps no more of one secret


@dataclass(slots=True, kw_only=True)
class Project:
    """One project, as its API shows it: secrets and keys are values, a change puts a new one in place of the old."""

    id: str
    name: str
    key_ids: KeyIds
    keys: dict[str, KmsKey]
    secrets: dict[str, Secret] = field(default_factory=dict)
    versions: dict[str, tuple[Version, ...]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    """The names of the secrets in the order they are listed in."""
    hidden: set[str] = field(default_factory=set)
    """Names of secrets that no list shows to this login: they are of an enterprise project."""
    most_versions: int = _MOST_VERSIONS
    """So many versions of a secret are kept."""

    def put(self, secret: Secret) -> None:
        """Adds the secret, or takes it in place of the one with its name."""
        if secret.name not in self.secrets:
            bisect.insort(self.names, secret.name)
        self.secrets[secret.name] = secret


@dataclass(slots=True, kw_only=True)
class World:
    """All the projects of one account, by id, in the order they were made."""

    domain_id: str
    domain_name: str
    region: str
    projects: dict[str, Project]


def build_world(*, seed: int, secrets: int, projects: int = 1, versions: int | None = None) -> World:
    """Spreads `secrets` secrets evenly over `projects` projects, each with its own keys.

    Each secret has `versions` versions, from one to three where that is None.

    Raises:
        ValueError: there are no projects, less than no secrets, or a number of versions that no secret has.
    """
    if projects < 1 or secrets < 0:
        raise ValueError(f"a world needs at least 1 project and 0 secrets, not {projects} and {secrets}")
    if versions is not None and not 1 <= versions <= _MOST_VERSIONS:
        raise ValueError(f"a secret has from 1 to {_MOST_VERSIONS} versions, not {versions}")
    rng = random.Random(seed)  # noqa: S311 # the same seed has to give the same world; nothing here is a secret
    domain_id = _hex_id(rng)
    born = [_build_project(rng, domain_id, number) for number in range(1, projects + 1)]
    for number in range(1, secrets + 1):
        _add_secret(rng, born[(number - 1) * projects // secrets], number, versions)
    for project in born:
        project.names.extend(sorted(project.secrets))
    return World(
        domain_id=domain_id, domain_name="sandbox", region=_REGION, projects={project.id: project for project in born}
    )


def _build_project(rng: random.Random, domain_id: str, number: int) -> Project:
    # Made separately, so that all other ids stay the same for a seed.
    of_rare_keys = random.Random(f"rare keys {domain_id} {number}")  # noqa: S311 # as above

    def key(alias: str, state: KeyState = KeyState.ENABLED, rng: random.Random = rng) -> KmsKey:
        return KmsKey(
            key_id=_uuid(rng),
            domain_id=domain_id,
            key_alias=alias,
            realm=_REGION,
            key_state=state,
            creation_date=str(_moment_ms(rng)),
        )

    born = {
        "old": key("secrets-2024"),
        "new": key("secrets-2025"),
        "disabled": key("secrets-2023", KeyState.DISABLED),
        "pending_deletion": replace(
            key("secrets-2022", KeyState.PENDING_DELETION), scheduled_deletion_date="4102444800000"
        ),
        "asymmetric": replace(key("release-signing"), key_spec="RSA_2048", key_usage="SIGN_VERIFY"),
        "default": replace(key("csms/default"), default_key_flag="1"),
    }
    project_id = _hex_id(rng)
    born |= {
        "pending_import": replace(key("imported", KeyState.PENDING_IMPORT, of_rare_keys), origin="external"),
        "asymmetric_encryption": replace(key("partners", rng=of_rare_keys), key_spec="RSA_3072"),
        "mac": replace(key("webhooks", rng=of_rare_keys), key_spec="HMAC_256", key_usage="GENERATE_VERIFY_MAC"),
    }
    return Project(
        id=project_id,
        name=_REGION if number == 1 else f"{_REGION}_team-{number}",
        keys={one.key_id: one for one in born.values()},
        key_ids=KeyIds(**{part: one.key_id for part, one in born.items()}),
    )


def _add_secret(rng: random.Random, project: Project, number: int, versions: int | None) -> None:
    app = rng.choice(_APPS)
    name = f"{app}-{rng.choice(_KINDS)}-{number:04d}"
    made_ms = _moment_ms(rng)
    project.secrets[name] = Secret(
        id=_uuid(rng),
        name=name,
        state=SecretState.ENABLED,
        kms_key_id=project.key_ids.old,
        description=f"kept by the {app} team",
        create_time=made_ms,
        update_time=made_ms,
    )
    drawn = rng.randint(1, 3)
    count = drawn if versions is None else versions
    project.versions[name] = tuple(
        Version(
            id=f"v{index}",
            create_time=made_ms + (index - 1) * 86_400_000,
            expire_time=None,
            kms_key_id=project.key_ids.old,
            secret_name=name,
            version_stages=_stages(count - index),
        )
        for index in range(1, count + 1)
    )


def _stages(age: int) -> tuple[str, ...]:
    match age:
        case 0:
            return ("SYSCURRENT",)
        case 1:
            return ("SYSPREVIOUS",)
        case _:
            return ()


def _moment_ms(rng: random.Random) -> int:
    return (_BORN_S + rng.randrange(_YEAR_S)) * 1000


def _hex_id(rng: random.Random) -> str:
    return f"{rng.getrandbits(128):032x}"


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
