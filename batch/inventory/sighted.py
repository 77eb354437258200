"""Turns what the service showed into what is kept: from a server that is not what it seems a text can be anything."""

from collections.abc import Callable

from batch.csms.client import SecretView
from batch.csms.faults import Fault, FaultKind, bounded
from batch.csms.views import KeyView, VersionView
from jobs.model import Scope
from jobs.sightings import SeenBy, SeenKey, SeenSecret, SeenVersion

LONGEST_ID = 128
_LONGEST_DESCRIPTION = 2_048


class Sighted:
    """Makes the values of one project; `clean` takes credentials out."""

    def __init__(self, project: Scope, clean: Callable[[str], str]) -> None:
        self._project = project
        self._clean = clean

    def page(self, page: tuple[SecretView, ...]) -> list[SeenSecret]:
        """The secrets of a page of a list."""
        ids = {one: self._id(one) for view in page for one in (view.kms_key_id, view.state)}
        return [self._secret(view, SeenBy.LIST, ids[view.kms_key_id], ids[view.state]) for view in page]

    def secret(self, view: SecretView) -> SeenSecret:
        """A secret that was read."""
        return self._secret(view, SeenBy.READ, self._id(view.kms_key_id), self._id(view.state))

    def unseen(self, name: str, fault: Fault) -> SeenSecret:
        """A secret that a read did not show."""
        if fault.kind is FaultKind.ABSENT:
            return SeenSecret(project=self._project, name=name, how=SeenBy.READ, missing=True)
        words = self.words(fault)
        return SeenSecret(project=self._project, name=name, how=SeenBy.READ, trouble=words, kind=fault.kind.value)

    def version(self, secret_name: str, view: VersionView) -> SeenVersion:
        """A version."""
        return SeenVersion(
            project=self._project,
            secret_name=secret_name,
            version_id=self._id(view.id),
            kms_key_id=self._id(view.kms_key_id),
            stages=tuple(map(self._id, view.stages)),
            created_s=view.created_s,
        )

    def key(self, view: KeyView, asked: str) -> SeenKey:
        """A key, under the id that it was asked for with."""
        return SeenKey(
            project=self._project,
            kms_key_id=asked,
            state=view.state.value,
            spec=self._id(view.spec),
            usage=self._id(view.usage),
            alias=self._id(view.alias),
            default=view.default,
        )

    def no_key(self, asked: str, fault: Fault) -> SeenKey:
        """A key of which nothing was shown."""
        return SeenKey(project=self._project, kms_key_id=asked, trouble=self.words(fault), kind=fault.kind.value)

    def words(self, fault: Fault | str) -> str:
        """What went wrong, as it may be kept."""
        return self._clean(bounded(fault if isinstance(fault, str) else f"{fault.code}: {fault.message}"))

    def _id(self, text: str) -> str:
        return self._clean(bounded(text, LONGEST_ID)) if text else text

    def _secret(self, view: SecretView, how: SeenBy, kms_key_id: str, state: str) -> SeenSecret:
        described = view.description and self._clean(bounded(view.description, _LONGEST_DESCRIPTION))
        enterprise = view.enterprise_project_id and self._id(view.enterprise_project_id)
        return SeenSecret(
            project=self._project,
            name=view.name,
            kms_key_id=kms_key_id,
            state=state,
            pending_deletion=view.pending_deletion,
            frozen=view.frozen,
            description=described,
            enterprise_project_id=enterprise,
            auto_rotation=view.auto_rotation,
            created_s=view.created_s,
            updated_s=view.updated_s,
            how=how,
        )
