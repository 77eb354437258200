"""The rows of a ledger that still have to be sent: how many go where, and a few examples."""

from jobs.forecast import PlaceCount, Sample
from jobs.ledger.keys import Query

SAMPLES = 2
_LED = "l.status IS NULL AND l.left_out = 0"
_PLACES = f"""SELECT r.wave, s.endpoint, s.project_id, s.region, COUNT(*), COUNT(*) FILTER (WHERE r.leader IS NULL),
    COUNT(*) FILTER (WHERE r.leader IS NULL AND r.expected_kms_key_id IS NOT NULL)
    FROM row r JOIN stand l ON l.row = COALESCE(r.leader, r.row) JOIN scope s ON s.id = r.scope
    WHERE {_LED} GROUP BY s.id, r.wave ORDER BY s.id, MIN(r.row)"""  # noqa: S608 - its own text
_EXAMPLES = f"""SELECT l.secret_name, l.kms_key_id, l.expected_kms_key_id FROM stand l
    WHERE l.scope IS NOT NULL AND l.leader IS NULL AND {_LED} ORDER BY l.row LIMIT {SAMPLES}"""  # noqa: S608 - the same


def place_counts(query: Query) -> tuple[tuple[str | None, PlaceCount], ...]:
    """Every project with rows to send, in manifest order, once for each of its waves."""
    return tuple(
        (wave, PlaceCount(endpoint=endpoint, project_id=project, region=region, rows=rows, puts=puts, reads=reads))
        for wave, endpoint, project, region, rows, puts, reads in query(_PLACES)
    )


def samples(query: Query) -> tuple[Sample, ...]:
    """The first rows to send."""
    return tuple(
        Sample(secret_name=name, kms_key_id=key, expected_kms_key_id=expected)
        for name, key, expected in query(_EXAMPLES)
    )
