"""What may import what, executed over the tree: imports inside functions and under TYPE_CHECKING count."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LADDER = [
    ["kernel"], ["database"], ["outbox", "audit"], ["accounts", "ledger"], ["sites"], ["residents", "tariffs", "metering"],
    ["charging", "communities", "appliances"], ["billing"], ["payouts", "privacy", "onboarding", "installing"],
    ["ocpp_server", "notifications"],
]  # fmt: skip
RUNG = {name: height for height, names in enumerate(LADDER) for name in names}
ROOTS = {"app.main", "app.worker", "app.cli", "ocpp_server.main", "ocpp_server.gateway.main"}
STATIONS_MAY_SEE = {"kernel", "database", "outbox", "metering", "charging", "ocpp_server"}
GENERATED = {"ocpp_server.messages16", "ocpp_server.messages201"}  # by `make messages`
OURS = {"app", "ocpp_server", "notifications", "infra"}


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for top in sorted(OURS):
        for path in (ROOT / top).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] in OURS and name in modules()}


def package(module: str) -> str:
    """The subject that a module belongs to."""
    parts = module.split(".")
    return parts[1] if parts[0] == "app" and len(parts) > 1 else parts[0]


MODULES = {name: path for name, path in modules().items() if name not in ROOTS and name != "app" and not name.startswith("infra")}


def test_every_package_has_a_rung():
    assert {package(name) for name in MODULES} <= set(RUNG)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_lower_rungs_only(module):
    mine = package(module)
    for other in sorted(imports(MODULES[module]) - {"app"}):
        theirs = package(other)
        assert other not in ROOTS and not other.startswith("infra"), f"{module} imports {other}"
        assert theirs == mine or RUNG[theirs] < RUNG[mine], f"{module} imports {other}"
        assert mine != "ocpp_server" or theirs in STATIONS_MAY_SEE, f"{module} imports {other}"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.endswith((".rules", ".model"))))
def test_rules_and_models_are_pure(module):
    impure = {"piccolo", "litestar", "redis", "stripe", "asyncio", "asyncpg", "procrastinate", "structlog", "websockets"}
    tree = ast.parse(MODULES[module].read_text())
    outside = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    outside |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not outside & impure
    for other in imports(MODULES[module]):
        assert package(other) in ("kernel", "app") or other.endswith((".rules", ".model")) or other.count(".") < 2, (
            f"{module} imports {other}"
        )


def test_no_file_is_longer_than_400_lines_and_no_function_than_60():
    long = []
    for name, path in modules().items():
        text = path.read_text()
        if text.count("\n") > 400 and name not in GENERATED:
            long.append(name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60:
                long.append(f"{name}.{node.name}")
    assert long == []
