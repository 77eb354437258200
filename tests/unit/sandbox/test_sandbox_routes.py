import pytest

from batch.sandbox.wire import Operation, find_route


@pytest.mark.parametrize(
    ("line", "operation", "project_id", "name", "query"),
    [
        ("PUT /v1/p/secrets/a", Operation.UPDATE_SECRET, "p", "a", ""),
        ("PUT /v1/p/secrets/a%2Fb", Operation.UPDATE_SECRET, "p", "a/b", ""),
        ("GET /v1/p/secrets/a", Operation.SHOW_SECRET, "p", "a", ""),
        ("GET /v1/p/secrets?limit=1", Operation.LIST_SECRETS, "p", "", "limit=1"),
        ("GET /v1/p/secrets/a/versions", Operation.LIST_VERSIONS, "p", "a", ""),
        ("POST /v1/p/secrets/a/versions", Operation.CREATE_VERSION, "p", "a", ""),
        ("POST /v1.0/p/kms/describe-key", Operation.DESCRIBE_KEY, "p", "", ""),
        ("POST /v1.0/p/kms/list-keys", Operation.LIST_KEYS, "p", "", ""),
        ("POST /v3/auth/tokens?nocatalog=true", Operation.CREATE_TOKEN, "", "", "nocatalog=true"),
        ("GET /v3/projects?name=x", Operation.LIST_PROJECTS, "", "", "name=x"),
    ],
)
def test_a_request_line_finds_its_operation(
    line: str, operation: Operation, project_id: str, name: str, query: str
) -> None:
    route = find_route(*line.split(" "))
    assert route is not None
    assert (route.operation, route.project_id, route.secret_name, route.query) == (operation, project_id, name, query)


@pytest.mark.parametrize(
    "line",
    [
        "PUT /v1/p/",  # what a client makes of the secret name ".."
        "PUT /v1/p/secrets/",  # and of "."
        "PUT /v1/p/secrets",
        "PUT /v1//secrets/a",
        "PUT /v1/p/secrets/a/",
        "PUT /v2/p/secrets/a",
        "POST /v1/p/secrets/a",
        "DELETE /v1/p/secrets/a",
        "GET /v1/p/secrets/a/versions/latest",  # there are no values here to be had
        "GET /v1.0/p/kms/describe-key",
        "GET /",
        "GET *",
    ],
)
def test_a_path_or_method_that_is_not_served_has_no_route(line: str) -> None:
    assert find_route(*line.split(" ")) is None
