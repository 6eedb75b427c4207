"""Which route takes which request."""

from __future__ import annotations

import pytest

from motia_fast.web.router import Match, OtherMethods, Router

ROUTES = [
    "GET /",
    "GET /orders",
    "POST /orders",
    "GET /orders/:id",
    "DELETE /orders/latest",
    "GET /orders/latest/items",
    "GET /orders/{id}/items/{item}",
    "PUT /orders/{key}",
    "GET /files/*path",
    "GET /files/readme",
    "POST /files/:name",
    "OPTIONS /own",
    "HEAD /own",
    "GET /own",
]


@pytest.fixture(scope="module")
def router() -> Router[str]:
    declared = [route.partition(" ") for route in ROUTES]
    return Router((method, path, f"{method} {path}") for method, _, path in declared)


@pytest.mark.parametrize(
    ("method", "path", "route", "params"),
    [
        ("GET", "/", "GET /", {}),
        ("GET", "/orders", "GET /orders", {}),
        ("GET", "/orders/", "GET /orders", {}),
        ("POST", "/orders", "POST /orders", {}),
        ("GET", "/orders/7", "GET /orders/:id", {"id": "7"}),
        ("GET", "/orders/7/", "GET /orders/:id", {"id": "7"}),
        ("GET", "/orders/x y%", "GET /orders/:id", {"id": "x y%"}),
        ("PUT", "/orders/7", "PUT /orders/{key}", {"key": "7"}),
        # Text beats a parameter, but only for the methods that it has.
        ("DELETE", "/orders/latest", "DELETE /orders/latest", {}),
        ("GET", "/orders/latest", "GET /orders/:id", {"id": "latest"}),
        ("GET", "/orders/latest/items", "GET /orders/latest/items", {}),
        # Text that leads nowhere is taken back, and the parameter tried.
        ("GET", "/orders/latest/items/3", "GET /orders/{id}/items/{item}", {"id": "latest", "item": "3"}),
        ("GET", "/files/readme", "GET /files/readme", {}),
        ("GET", "/files/a/b/c", "GET /files/*path", {"path": "a/b/c"}),
        ("GET", "/files/a//c", "GET /files/*path", {"path": "a//c"}),
        ("GET", "/files", "GET /files/*path", {"path": ""}),
        ("GET", "/files/", "GET /files/*path", {"path": ""}),
        ("POST", "/files/a", "POST /files/:name", {"name": "a"}),
        ("GET", "/files/a", "GET /files/*path", {"path": "a"}),
        ("HEAD", "/orders", "GET /orders", {}),
        ("HEAD", "/orders/7", "GET /orders/:id", {"id": "7"}),
        ("HEAD", "/own", "HEAD /own", {}),
        ("OPTIONS", "/own", "OPTIONS /own", {}),
    ],
)
def test_a_request_is_taken_by_the_most_exact_route(
    router: Router[str], method: str, path: str, route: str, params: dict[str, str]
) -> None:
    assert router.find(method, path) == Match(route, params)


@pytest.mark.parametrize(
    "path", ["/nothing", "/orders//", "/orders/7/items", "/Orders", "", "*", "//", "/orders//items/3"]
)
def test_a_path_that_no_route_has_is_not_found(router: Router[str], path: str) -> None:
    assert router.find("GET", path) is None


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/orders", ("GET", "HEAD", "OPTIONS", "POST")),
        ("OPTIONS", "/orders", ("GET", "HEAD", "OPTIONS", "POST")),
        # All routes that take the path count, not just the most exact one.
        ("POST", "/orders/latest", ("DELETE", "GET", "HEAD", "OPTIONS", "PUT")),
        ("DELETE", "/files/a", ("GET", "HEAD", "OPTIONS", "POST")),
        ("get", "/orders", ("GET", "HEAD", "OPTIONS", "POST")),
    ],
)
def test_another_method_is_told_which_the_path_takes(
    router: Router[str], method: str, path: str, allow: tuple[str, ...]
) -> None:
    assert router.find(method, path) == OtherMethods(allow)


def test_a_rest_at_the_root_takes_what_nothing_else_does() -> None:
    router = Router([("GET", "/*page", "page"), ("GET", "/a", "a"), ("POST", "/:x/b", "b")])
    assert router.find("GET", "/") == Match("page", {"page": ""})
    assert router.find("GET", "/a") == Match("a", {})
    assert router.find("GET", "/a/b") == Match("page", {"page": "a/b"})
    assert router.find("POST", "/a/b") == Match("b", {"x": "a"})
    assert router.find("POST", "/a") == OtherMethods(("GET", "HEAD", "OPTIONS"))


def test_parameters_may_have_other_names_in_other_methods() -> None:
    router = Router([("GET", "/a/:id", 1), ("PUT", "/a/{key}", 2)])
    assert router.find("GET", "/a/7") == Match(1, {"id": "7"})
    assert router.find("PUT", "/a/7") == Match(2, {"key": "7"})
