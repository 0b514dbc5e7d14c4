"""Packages with node types that are installed for one test."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.nodes import registry

Install = Callable[[str, str, str], None]

TYPES = '''
    """Node types that no other code of Interlock names."""

    from engine.nodes.base import InputRead, InputReads, NodeType, marked_ports

    CONFIG = {
        "type": "object",
        "properties": {
            "script": {
                "type": "string", "title": "Script", "description": "Python that sorts rows.",
                "x-editor": "python", "x-missing": "Enter a script.", "minLength": 1,
            },
            "source": {"type": "string", "title": "Source", "x-editor": "path", "x-path": "read", "x-expression": True},
            "report": {"type": "string", "title": "Report", "x-editor": "path", "x-path": "write"},
            "routes": {
                "type": "array", "title": "Routes",
                "items": {
                    "type": "object",
                    "properties": {
                        "to": {"type": "string", "title": "To", "x-port": True},
                        "when": {"type": "string", "title": "When", "x-editor": "expression", "x-expression": "cel"},
                    },
                    "required": ["to"],
                },
            },
            "rest": {"type": "string", "title": "Rest", "x-port": True},
        },
        "required": ["script", "source"],
        "additionalProperties": False,
    }


    def out_ports(config):
        return marked_ports(CONFIG, config, ("main",))


    def input_reads(config):
        script = config.get("script", "")
        start = script.find('"rows"')
        return InputReads(("script",), script, (InputRead("rows", 1, (start, start + 6)),)) if start >= 0 else None


    SORT = NodeType(
        type="acme.sort",
        name="Sort rows",
        category="flow",
        icon="split",
        description="Sends each row to one port.",
        run="acme_nodes_run",
        config=CONFIG,
        out_ports=out_ports,
        must_name_port=True,
        input_reads=input_reads,
        output="table",
        file_reader="acme_nodes_run",
        followed_by=("acme.query",),
        between_rank=0,
        translations={"zh-hant": {
            "Sort rows": "資料列分流",
            "Sends each row to one port.": "把每一列送到一個連接埠。",
            "Script": "腳本",
            "Enter a script.": "請輸入腳本。",
        }},
    )
    QUERY = NodeType(
        type="acme.query",
        name="Ask",
        category="tables",
        icon="database",
        description="Runs a query over its inputs.",
        run="acme_nodes_run",
        config={
            "type": "object",
            "properties": {"query": {"type": "string", "title": "Query", "x-editor": "sql", "x-expression": "sql"}},
            "required": ["query"],
        },
        output="table",
    )
    ALL = [SORT, QUERY]
'''
"""One type with code, paths to read and write, ports in its config and translations, and one with SQL."""


@contextmanager
def packages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Yield a function that installs a module `name` with `code` and entry points; uninstall all at the end."""
    monkeypatch.syspath_prepend(str(folder))
    names: list[str] = []

    def install(name: str, code: str, entry_points: str) -> None:
        (folder / f"{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{entry_points}\n")
        names.append(name)
        registry.reload()

    yield install
    for name in names:
        sys.modules.pop(name, None)
    monkeypatch.undo()
    registry.reload()


def install_types(install: Install) -> None:
    """Install the package of TYPES."""
    install("acme_nodes", TYPES, "all = acme_nodes:ALL")
