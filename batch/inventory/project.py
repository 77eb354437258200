"""One project that is looked at: through which door its questions leave, and why nothing more is asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from batch.csms.faults import Fault, FaultKind
from batch.flow.admission import Admission
from batch.flow.switch import Switch
from jobs.model import Scope
from jobs.rate import Rate
from jobs.run_view import ScopeState, ScopeView

Troubled = tuple[ScopeView, ...]


@dataclass(slots=True, kw_only=True)
class ProjectState:
    """Shared by all that ask about a project. `on_stop` receives the reason why it alone was stopped, `on_defect` of an
    error in this program's own logic; `on_seen` is called after each answer about one secret.
    """

    project: Scope
    switch: Switch
    admission: Admission
    on_stop: Callable[[Scope, str], None]
    on_defect: Callable[[str], None]
    on_seen: Callable[[], None]
    clean: Callable[[str], str]
    reason: str | None = field(default=None, init=False)
    doing: str = field(default="", init=False)

    def stop_for(self, why: Fault | str) -> None:
        """Stops this project alone; the first reason counts."""
        if self.switch.stopped:
            return
        if isinstance(why, Fault) and why.kind is FaultKind.INTERNAL:
            self.on_defect(f"internal error: {why.message}")
            return
        self.reason = self.clean(why if isinstance(why, str) else f"{why.code}: {why.message}")
        self.switch.stop()
        self.on_stop(self.project, self.reason)

    def trouble(self, now_s: float) -> ScopeView | None:
        """How it stands now, if something keeps it back."""
        admission, login = self.admission, self.admission.login
        state, again_in_s = admission.standing(now_s)
        if state is ScopeState.RUNNING:
            return None
        return ScopeView(
            project_id=self.project.project_id,
            region=self.project.region,
            state=state,
            open_rows=0,
            in_flight=0,
            allowed_per_s=admission.rate_per_s,
            code=self.clean(admission.reading.code if login is None else login.code),
            again_in_s=again_in_s,
            gives_up_in_s=admission.gives_up_in_s(now_s),
            login=None if login is None else self.clean(login.source),
        )

    def obey(self, rate: Rate, *, paused: bool) -> None:
        """Sends at this rate from now on, or nothing until the pause is over."""
        self.admission.allow(rate)
        if paused:
            self.admission.pause()
        else:
            self.admission.proceed()


def troubled(states: Iterable[ProjectState], now_s: float) -> Troubled:
    """How those stand that something is asked of and something keeps back."""
    found = (one.trouble(now_s) for one in states if one.doing and not one.switch.stopped)
    return tuple(one for one in found if one is not None)
