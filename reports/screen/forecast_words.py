"""What a run will do, in words, before it does it."""

from collections.abc import Iterator

from jobs.forecast import PlaceCount, Sample
from jobs.ledger.forecast import Forecast
from jobs.ledger.keys import KeyCount
from jobs.ledger.waves import WaveCount
from jobs.model import Group
from jobs.printable import counted, shortened
from reports.screen.amounts import span

_SHOWN_PLACES = 5
_SHOWN_KEYS = 5
_SHOWN_OLD_KEYS = 2
_SHOWN_WAVES = 10
_WAVE_CHARS = 60


def forecast_lines(forecast: Forecast, login: str | None) -> Iterator[str]:
    """One fact in each line; none of them is printable yet."""
    for endpoint in sorted({place.endpoint for place in forecast.places}):
        yield f"endpoint  {endpoint}"
    if login is not None:
        yield f"login     {login}"
    yield from _projects(forecast.places)
    yield from _keys(forecast)
    yield from _waves(forecast.waves)
    for sample in forecast.samples:
        yield f"example   {_sample(sample)}"
    also = [f"{counted(forecast.reads, 'read')} of the keys before"] if forecast.reads else []
    also += [f"about {counted(forecast.lists, 'page')} of secrets"] if forecast.lists else []
    *first, last = [counted(forecast.puts, "PUT"), *also]
    yield f"requests  {', '.join([*first, f'and {last}' if first else last])}"
    yield f"duration  {_duration(forecast)}"


def _projects(places: tuple[PlaceCount, ...]) -> Iterator[str]:
    for place in places[:_SHOWN_PLACES]:
        region = f" in {place.region}" if place.region else ""
        yield f"project   {place.project_id}{region}: {counted(place.rows, 'row')}"
    if len(places) > _SHOWN_PLACES:
        rest = places[_SHOWN_PLACES:]
        yield f"          and {counted(len(rest), 'more project')} with {counted(sum(one.rows for one in rest), 'row')}"


def _keys(forecast: Forecast) -> Iterator[str]:
    keys = [key for key in forecast.keys.keys if key.of(Group.RUN_AGAIN)]
    for key in keys[:_SHOWN_KEYS]:
        yield f"new key   {key.kms_key_id}: {counted(key.of(Group.RUN_AGAIN), 'row')}{_old(key)}"
    if more := len(keys) - len(keys[:_SHOWN_KEYS]) + forecast.keys.more:
        yield f"          and {counted(more, 'more key')}"


def _waves(waves: tuple[WaveCount, ...]) -> Iterator[str]:
    for wave in waves[:_SHOWN_WAVES]:
        invalid = f", {wave.fix_first:,} of them invalid" if wave.fix_first else ""
        yield f"wave      {shortened(wave.name, _WAVE_CHARS) or '(no value)'}: {counted(wave.rows, 'row')}{invalid}"
    if rest := waves[_SHOWN_WAVES:]:
        yield f"          and {counted(len(rest), 'more wave')} with {counted(sum(one.rows for one in rest), 'row')}"


def _old(key: KeyCount) -> str:
    if not key.old_keys:
        return ""
    more = len(key.old_keys) - _SHOWN_OLD_KEYS + key.more_old_keys
    return f", from {', '.join(key.old_keys[:_SHOWN_OLD_KEYS])}{f' and {more} more' if more > 0 else ''}"


def _sample(sample: Sample) -> str:
    before = f"{sample.expected_kms_key_id} -> " if sample.expected_kms_key_id else ""
    return f"{sample.secret_name}: {before}{sample.kms_key_id}"


def _duration(forecast: Forecast) -> str:
    if forecast.expected_s is None:
        return f"not known at --rate {forecast.rate}" if forecast.puts else "none"
    soaks = len(forecast.waves) - 1
    waiting = f", with {counted(soaks, 'soak')} of {span(forecast.soak_s)}" if forecast.soak_s and soaks > 0 else ""
    return f"about {span(forecast.expected_s)} at {forecast.rate} per project{waiting}, if nothing fails"
