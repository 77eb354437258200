"""The masked type shows its text only where it is asked for by name."""

import copy
import json
import pickle

import pytest

from batch.csms.auth import Masked
from batch.csms.messages import WireRequest

CANARY = "canary-5f3c"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format, "%s".__mod__, lambda one: f"{[one]} {(one,)}"])
def test_no_way_to_print_it_shows_it(show: object) -> None:
    assert CANARY not in show(Masked(CANARY))  # type: ignore[operator] # a table of functions


@pytest.mark.parametrize("carry", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_it_cannot_be_carried_off(carry: object) -> None:
    with pytest.raises(TypeError) as caught:
        carry(Masked(CANARY))  # type: ignore[operator] # a table of functions
    assert CANARY not in str(caught.value)


def test_it_has_no_dict_to_look_into_and_is_equal_by_text() -> None:
    assert not hasattr(Masked(CANARY), "__dict__")
    assert Masked(CANARY) == Masked(CANARY)
    assert Masked(CANARY) != Masked("other")
    assert Masked(CANARY) != CANARY
    assert len({Masked(CANARY), Masked(CANARY)}) == 1


def test_a_request_shows_where_it_goes_and_nothing_that_lets_it_pass() -> None:
    request = WireRequest(method="PUT", target="/v1/x", headers={"X-Auth-Token": CANARY}, body=CANARY.encode())
    assert repr(request) == "WireRequest(PUT /v1/x)"
    with pytest.raises(TypeError) as caught:
        pickle.dumps(request)
    assert CANARY not in str(caught.value)
