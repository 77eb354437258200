"""Puts a sandbox together: a world, its credentials, the service over them, and what goes wrong."""

import random
from collections.abc import Callable
from functools import partial

import msgspec

from batch.sandbox.auth import Directory
from batch.sandbox.chance import Chance, parse_odds
from batch.sandbox.checks import Authenticator, LenientCheck, StrictCheck
from batch.sandbox.exchange import Exchange
from batch.sandbox.faults import FaultScript
from batch.sandbox.journal import Journal
from batch.sandbox.lists import ListStyle
from batch.sandbox.metadata import MetadataMode, MetadataService
from batch.sandbox.options import SandboxOptions
from batch.sandbox.others import Others
from batch.sandbox.quota import ProjectQuota, parse_pace, parse_rate, parse_rival
from batch.sandbox.ready import IamLogin, IdentityLogin, Ready
from batch.sandbox.rights import parse_rights
from batch.sandbox.service import Service
from batch.sandbox.terms import Terms
from batch.sandbox.variety import parse_mix, vary
from batch.sandbox.wire import Operation
from batch.sandbox.world import World, build_world


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox without sockets: what is in it, the credentials to it, and the exchange to bring requests to."""

    world: World
    directory: Directory
    exchange: Exchange
    token: str
    """Given out at the start, good for all projects: one token is enough for a rehearsal over several."""

    @property
    def journal(self) -> Journal:
        """What arrived and what was done about it."""
        return self.exchange.journal

    def ready(self, url: str) -> Ready:
        """What to tell a client that finds the sandbox at `url`."""
        user, access_key = self.directory.user, self.directory.access_key
        projects = self.world.projects
        return Ready(
            url=url,
            iam_url=url,
            metadata_url=url,
            token=self.token,
            ak=access_key.ak,
            sk=access_key.sk,
            iam=IamLogin(domain=user.domain, user=user.name, password=user.password),
            identity=IdentityLogin(token=self.directory.platform.token, pod_url=f"{url}/v1/credentials"),
            project_ids=tuple(projects),
            project_names={one.id: one.name for one in projects.values()},
            key_ids={one.id: one.key_ids for one in projects.values()},
        )


def build_sandbox(  # noqa: PLR0913 # one parameter a property of the account
    world: World,
    *,
    seed: int,
    epoch_s: float,
    faults: FaultScript | None = None,
    quota: ProjectQuota | None = None,
    lists: ListStyle = ListStyle(),  # noqa: B008 # a frozen value
    denied: frozenset[Operation] = frozenset(),
    versions_per_s: float = 0.0,
    token_life_s: float = 86_400.0,
    token_uses: int | None = None,
    key_life_s: float = 86_400.0,
    metadata: MetadataMode = MetadataMode.TOKEN,
    check: Callable[[Directory], Authenticator] = LenientCheck,
    journal: Journal | None = None,
) -> Sandbox:
    """A sandbox over `world`; `epoch_s` is now in UTC seconds since 1970, the same seed gives the same credentials.

    `versions_per_s` is how many new versions of secrets others make. `journal` None keeps one in memory.
    """
    rng = random.Random(f"credentials {seed}")  # noqa: S311 # credentials of a toy that have to be the same every time
    directory = Directory(
        domain=world.domain_name,
        project_ids=world.projects,
        rng=rng,
        token_life_s=token_life_s,
        token_uses=token_uses,
        key_life_s=key_life_s,
    )
    terms = Terms(quota=quota, lists=lists, denied=denied)
    keys = MetadataService(directory, metadata, rng)
    service = Service(
        world, directory=directory, auth=check(directory), terms=terms, rng=rng, epoch_s=epoch_s, metadata=keys
    )
    others = _others(world, versions_per_s, seed=seed, epoch_s=epoch_s)
    exchange = Exchange(service, journal=journal or Journal(epoch_s=epoch_s), faults=faults, others=others)
    token = directory.issue(directory.everywhere, 0.0)
    return Sandbox(world=world, directory=directory, exchange=exchange, token=token.value)


def sandbox_of(options: SandboxOptions, *, epoch_s: float, keep: bool = False) -> Sandbox:
    """The sandbox the options describe; its journal is kept in memory too only when asked for.

    Raises:
        OSError: the log cannot be written.
    """
    odds = parse_odds(options.faults)
    # A separate generator: how many request ids were drawn must not change which request meets which fault.
    rng = random.Random(f"faults {options.seed}")  # noqa: S311 # the same seed has to give the same faults
    return build_sandbox(
        _world_of(options),
        seed=options.seed,
        epoch_s=epoch_s,
        faults=Chance(odds, rng) if odds else None,
        quota=_quota_of(options),
        lists=ListStyle(markers=options.markers, page_size=options.page_size),
        denied=parse_rights(options.deny),
        versions_per_s=0.0 if options.new_versions is None else parse_pace(options.new_versions, "new versions"),
        token_life_s=options.token_life_s,
        token_uses=options.token_uses,
        key_life_s=options.key_life_s,
        metadata=options.metadata,
        check=partial(StrictCheck, epoch_s=epoch_s, mode=options.auth, revoke_after=options.revoke_after),
        journal=Journal(epoch_s=epoch_s, path=options.log, keep=keep),
    )


def _others(world: World, per_s: float, *, seed: int, epoch_s: float) -> Others | None:
    rng = random.Random(f"others {seed}")  # noqa: S311 # the same seed has to give the same versions
    return Others(world, per_s=per_s, epoch_s=epoch_s, rng=rng) if per_s > 0 else None


def _world_of(options: SandboxOptions) -> World:
    world = build_world(
        seed=options.seed, secrets=options.secrets, projects=options.projects, versions=options.versions
    )
    for project in world.projects.values():
        project.most_versions = options.keep_versions
    # A separate generator: which secrets are unlike the others must not change what they are called.
    vary(world, parse_mix(options.mix), random.Random(f"mix {options.seed}"))  # noqa: S311 # as above
    return world


def _quota_of(options: SandboxOptions) -> ProjectQuota | None:
    if options.rate_limit is None:
        return None
    rival = None if options.rival is None else parse_rival(options.rival)
    return ProjectQuota(parse_rate(options.rate_limit), rival=rival)
