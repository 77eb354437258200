"""What a stop is put down to, and what is said to mend it, for the reasons that a ledger gives."""

import msgspec
import pytest

from jobs.ledger import HeldKey, held_words
from jobs.spec import Auth
from jobs.waves import halt_words, stop_words
from reports.screen.advice import Advice, Stop, Way, advise, cause_of, mendings, stops_of

KEY = "8d0038ec-4265-4644-b81f-9c58d6645fa9"
IN_A_ROW = "9 rows in a row were refused, none was accepted; tried elsewhere: 3; "
HELD = f"held back: {IN_A_ROW}"


def advice(reason: str, key: str | None = None, auth: Auth = Auth.TOKEN) -> Advice:
    found = advise(Stop(reason=reason, kms_key_id=key), auth)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("reason", "cause", "step"),
    [
        (
            "CSMS.0301: invalid",
            "the login was not accepted (CSMS.0301)",
            "get a new token and put it into CSMS_REKEY_TOKEN",
        ),
        ("APIGW.0307: expires", "the login was not accepted (APIGW.0307)", "get a new token and put it into"),
        ("IAM.0062: wrong", "the login was not accepted (IAM.0062)", "get a new token and put it into"),
        ("APIG.0303: bad", "the signature was not accepted (APIG.0303)", "check the access key and its secret"),
        (f"{IN_A_ROW}CSMS.0302: denied", "the login lacks a right (CSMS.0302)", "grant it csms:secret:update"),
        (
            f"{IN_A_ROW}CSMS.0302: Access to the resource is denied: csms:secret:get",
            "the login lacks a right (CSMS.0302)",
            "grant it csms:secret:get in this project, or use another login",
        ),
        # Not one that this program needs.
        ("CSMS.0302: no csms:secret:delete", "the login lacks a right (CSMS.0302)", "grant it csms:secret:update"),
        ("KMS.0321: no", "the login is for another project (KMS.0321)", "use a login of this project"),
        ("APIG.0402: ip", "requests from this address are not allowed (APIG.0402)", "have it allowed"),
        ("tls: bad certificate", "no secure connection can be made (tls)", "check the endpoint, and --ca-file"),
        ("proxy: refuses", "the proxy refuses to connect (proxy)", "check --proxy"),
        (
            "HTTP.403: answered 403 without an error body: a proxy, filter or gateway before the service?",
            "something before the service answers in its place",
            "look for a proxy, a filter or a gateway",
        ),
        ("the service has been down for 600 s", "the service has been down for 600 s", "see that it answers again"),
        ("the login has been down for 600 s", "the login has been down for 600 s", "see that it answers again"),
        (
            "every request has been refused for its rate for 600 s",
            "every request has been refused for its rate for 600 s",
            "see who else uses the quota, or lower --rate",
        ),
        (
            "6 of 81 rows failed, more than --max-failures 5",
            "6 of 81 rows failed, more than --max-failures 5",
            "see in report.html why these rows failed, and raise --max-failures",
        ),
        (
            stop_words("canary", 1, 10),
            "wave 'canary': 1 of 10 rows not done, so the next wave did not begin",
            "see in report.html why, and whether the next wave may begin anyway",
        ),
        (
            halt_words("canary", "the command of --between ended with exit code 7"),
            "wave 'canary': the command of --between ended with exit code 7, so the next wave did not begin",
            "see in run.log what it said, and give --between again",
        ),
    ],
)
def test_the_cause_is_named_with_the_step_that_mends_it_before_the_run_continues(
    reason: str, cause: str, step: str
) -> None:
    found = advice(reason)
    assert (found.cause, found.way) == (cause, Way.RESUME)
    assert found.step.startswith(step)
    assert str(advice(f"project p: {reason}")).endswith(f": {found.step}")


@pytest.mark.parametrize(
    ("auth", "word"),
    [(Auth.TOKEN, "token"), (Auth.AKSK, "clock"), (Auth.IAM, "password"), (Auth.ECS, "agency"), (Auth.AUTO, "renew")],
)
def test_a_login_is_mended_in_its_own_way(auth: Auth, word: str) -> None:
    assert word in advice("APIG.0301: no", auth=auth).step


@pytest.mark.parametrize(
    ("said", "cause", "step", "way"),
    [
        ("CSMS.0401: the key is in state 3", "is disabled (CSMS.0401)", "enable it", Way.RESUME),
        ("CSMS.0401: in state 1", "is not active yet (CSMS.0401)", "wait until KMS", Way.RESUME),
        ("CSMS.0401: in state 5", "has no material yet (CSMS.0401)", "import its material", Way.RESUME),
        ("KMS.0320: no", "is frozen (KMS.0320)", "settle what the account is frozen for", Way.RESUME),
        (
            "CSMS.0401: in state 2, RSA_2048",
            "cannot be used for secrets (CSMS.0401)",
            "correct kms_key_id",
            Way.NEW_KEY,
        ),
        ("CSMS.0401: in state 4, AES_256", "is pending deletion (CSMS.0401)", "cancel its deletion", Way.RESUME),
        ("CSMS.0401: failed", "was not accepted by KMS (CSMS.0401)", "see that it is enabled and that", Way.RESUME),
        (
            "CSMS.0401: key x does not exist",
            "does not exist (CSMS.0401)",
            "correct kms_key_id in the file",
            Way.NEW_KEY,
        ),
        ("KMS.0209: no", "is disabled (KMS.0209)", "enable it", Way.RESUME),
        ("KMS.0207: no", "does not exist (KMS.0207)", "correct kms_key_id in the file", Way.NEW_KEY),
        ("KMS.0306: no", "may not be used by the login (KMS.0306)", "grant the login the right", Way.RESUME),
        ("KMS.1114: no", "cannot be used for secrets (KMS.1114)", "correct kms_key_id in the file", Way.NEW_KEY),
    ],
)
def test_a_held_key_is_named_with_its_state_in_words(said: str, cause: str, step: str, way: Way) -> None:
    found = advice(HELD + said, KEY)
    assert (found.cause, found.way) == (f"key {KEY} {cause}", way)
    assert found.step.startswith(step)
    assert advice(said).cause == f"the key {cause}"


@pytest.mark.parametrize(
    ("stopped", "cause"),
    [
        ("project p: 5 rows in a row were refused; CSMS.0302: denied", "the login lacks a right (CSMS.0302)"),
        (f"held back: key {KEY}: 8 rows; CSMS.0401: in state 3", f"key {KEY} is disabled (CSMS.0401)"),
        (f"held back: key {KEY} (and 2 more): 8 rows; KMS.0210: no", f"key {KEY} is pending deletion (KMS.0210)"),
        ("--max-duration 10 s is over", "--max-duration 10 s is over"),
    ],
)
def test_what_stopped_a_session_is_told_in_few_words(stopped: str, cause: str) -> None:
    assert cause_of(stopped) == cause


@pytest.mark.parametrize("code", ["CSMS.0302", "KMS.0321", "KMS.0305"])
def test_a_refusal_that_may_be_that_of_a_wrong_project_says_so(code: str) -> None:
    found = advice(f"{IN_A_ROW}{code}: no")
    assert found.otherwise == "if the project is wrong instead, correct it, in the options or in the file"
    assert found.whole == f"{found}; {found.otherwise}"
    assert advice("CSMS.0301: no").otherwise is None


def test_a_stop_over_keys_is_not_counted_as_one_of_the_run_as_well() -> None:
    held = HeldKey(project_id="p", region=None, kms_key_id=KEY, reason=f"{HELD}CSMS.0401: in state 3", rows=4)
    stopped = held_words([held])
    assert stops_of(stopped, (), [held]) == (Stop(reason=held.reason, kms_key_id=KEY),)
    assert stops_of("5 of 9 rows failed", (), [held])[1].reason == "5 of 9 rows failed"
    assert held_words([msgspec.structs.replace(held, rows=0)]) is None


@pytest.mark.parametrize("code", ["CSMS.0106", "APIGW.0101"])
def test_what_was_loaded_with_a_wrong_place_is_not_to_be_resumed(code: str) -> None:
    found = advice(f"{IN_A_ROW}{code}: not found")
    assert found.way is Way.NEW_PLACE
    assert found.step.endswith("in the options or in the file")


@pytest.mark.parametrize("reason", ["", "--max-duration 10 s is over", "CSMS.9999: new", "KMS.03010: x", "no KMS.0301"])
def test_where_nothing_is_known_the_reason_stands_for_itself(reason: str) -> None:
    assert advise(Stop(reason=reason), Auth.TOKEN) is None


def test_the_service_cannot_word_the_advice() -> None:
    found = advice("CSMS.0302: denied; KMS.0209: also\x1b[2J", "k\x1b" * 99)
    assert found.cause == "the login lacks a right (CSMS.0302)"
    assert len(advice("KMS.0209: no", "k\x1b" * 99).cause) < 100
    assert advice("KMS.0209: no", "k\x1b" * 99).cause.isprintable()


def test_each_cause_is_named_once() -> None:
    stops = [Stop(reason="CSMS.0302: a"), Stop(reason="x"), Stop(reason="CSMS.0302: b"), Stop(reason="CSMS.0301: c")]
    assert [found.cause for found in mendings(stops, Auth.TOKEN)] == [
        "the login lacks a right (CSMS.0302)",
        "the login was not accepted (CSMS.0301)",
    ]
