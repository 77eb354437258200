"""Every rule by its number, and the one function that asks them all."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from tests.oracle import order_rules, row_rules, whole_rules
from tests.oracle.case import Case, Violation
from tests.oracle.evidence import Evidence

Rule = Callable[[Case, Evidence], Iterator[Violation]]

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "I1": whole_rules.every_row_once,
        "I2": whole_rules.retry_file_is_what_runs_again,
        "I3": row_rules.done_is_true,
        "I4": row_rules.no_is_proven,
        "I4d": row_rules.drifted_was_shown,
        "I4w": row_rules.not_done_is_not_changed,
        "I4u": row_rules.unknown_has_a_reason,
        "I5": row_rules.only_valid_rows_are_sent,
        "I5c": row_rules.expected_key_is_read_first,
        "I5d": row_rules.invalid_is_what_is_invalid,
        "I6": row_rules.attempts_are_counted,
        "I7": order_rules.intent_before_put,
        "I8": order_rules.no_put_after_an_outcome,
        "W": order_rules.wave_after_wave,
        "I10": whole_rules.rate_is_kept,
        "I11": whole_rules.concurrency_is_kept,
        "I17": whole_rules.exit_code_follows,
        "I19": whole_rules.every_row_is_reached,
        "I21": row_rules.key_before_was_shown,
    }
)


def violations(case: Case) -> list[Violation]:
    """Everything that does not hold; empty when all is well."""
    evidence = Evidence(case)
    return [violation for rule in RULES.values() for violation in rule(case, evidence)]
