"""What comes along with a credential that was copied is named, and nothing of the credential is shown or sent."""

from pathlib import Path

import pytest

from batch.csms.auth import CredentialError, find_login
from batch.csms.auth.pasted import odd_name
from jobs.spec import Auth
from tests.unit.csms.auth.test_find import KEYS, NO_METADATA, PASSWORD, headers, nowhere

QUOTED = "stands in quotation marks; leave them out (the --env-file of docker keeps them)"
MARK = "begins with a byte order mark (BOM); save it as UTF-8 without one"
UTF_16 = "is UTF-16 text; save it as UTF-8"
INVISIBLE = "holds an invisible character"

ODD = [
    ('"canary"', QUOTED),
    ("'canary'", QUOTED),
    ("canary'", QUOTED),
    ("\u201ccanary\u201d", QUOTED),
    ("\ufeffcanary", MARK),
    ("canary\r\ncanary", "is more than one line"),
    ("canary canary", "holds a space"),
    ("Bearer canary", "holds a space"),
    ("canary\u200b", f"{INVISIBLE} (ZERO WIDTH SPACE, U+200B)"),
    ("can\u00a0ary", f"{INVISIBLE} (NO-BREAK SPACE, U+00A0)"),
    ("canary\x07", "holds a character that is not printable ASCII"),
    ("canar\u00fd", "holds a character that is not printable ASCII"),
]


def refusal(auth: Auth, environment: dict[str, str], token_file: Path | None = None) -> str:
    with pytest.raises(CredentialError) as caught:
        find_login(auth, token_file, connect=nowhere, environment=NO_METADATA | environment)
    assert "canar" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("text", "words"), ODD)
def test_what_no_token_or_key_has_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(f"{text}\r\n".encode())
    path.chmod(0o600)
    assert refusal(Auth.TOKEN, {}, path) == f"{path}: holds no token: what is there {words}"
    assert refusal(Auth.TOKEN, {"CSMS_REKEY_TOKEN": text}) == f"CSMS_REKEY_TOKEN: holds no token: what is there {words}"
    for name, what in (("AK", "access key"), ("SK", "secret key"), ("SECURITY_TOKEN", "security token")):
        given = KEYS | {f"HUAWEICLOUD_SDK_{name}": text}
        assert refusal(Auth.AKSK, given) == f"HUAWEICLOUD_SDK_*: the {what} {words}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_of_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    """As PowerShell writes one."""
    path = tmp_path / "token"
    path.write_bytes("canary\r\n".encode(encoding))
    path.chmod(0o600)
    assert refusal(Auth.TOKEN, {}, path).endswith(UTF_16)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'[basic]\nak = "canary"\nsk = b\n', f"the access key {QUOTED}"),
        (b"[basic]\nak = a\nsk = 'canary'\n", f"the secret key {QUOTED}"),
        ("\ufeff[basic]\nak = canary\nsk = b\n".encode(), MARK),
        ("[basic]\nak = canary\nsk = b\n".encode("utf-16"), UTF_16),
    ],
)
def test_the_same_in_a_credentials_file(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(data)
    path.chmod(0o600)
    assert refusal(Auth.AKSK, {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path)}) == f"{path}: {words}"


@pytest.mark.parametrize("name", ["OS_USERNAME", "OS_PASSWORD", "OS_USER_DOMAIN_NAME"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"canary"', QUOTED),
        ("canary\r", "ends with a carriage return; save the file that it is from with Unix line ends"),
        ("canary\ncanary", "holds a line break or another control character"),
        ("\ufeffcanary", MARK),
    ],
)
def test_what_no_name_or_password_has_is_named(name: str, text: str, words: str) -> None:
    """A refused password counts: too many lock the account."""
    assert refusal(Auth.IAM, PASSWORD | {name: text}) == f"{name}: {words}"


@pytest.mark.parametrize("text", ["it's", 'a"b', '"half', " p w ", "p\u00e4ss", '"', ""])
def test_a_password_may_hold_quotes_spaces_and_letters(text: str) -> None:
    assert odd_name(text) is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"  \n", b""])
def test_white_space_around_a_token_is_not_a_part_of_it(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"canary-token" + end)
    path.chmod(0o600)
    login = find_login(Auth.TOKEN, path, connect=nowhere, environment=NO_METADATA)
    assert headers(login)["X-Auth-Token"] == "canary-token"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"  \r\n"])
def test_white_space_around_keys_in_a_file_is_not_a_part_of_them(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(end.join((b"[basic]", b"ak = file-ak", b"sk = file-sk", b"")))
    path.chmod(0o600)
    environment = NO_METADATA | {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path)}
    login = find_login(Auth.AKSK, None, connect=nowhere, environment=environment)
    assert {secret.reveal() for secret in login.secrets()} == {"file-ak", "file-sk"}
