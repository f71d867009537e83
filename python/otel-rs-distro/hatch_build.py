"""Makes the table of plugins that ``otel-rs-bootstrap`` reads, when the distribution is built.

What a plugin instruments stands in its own ``pyproject.toml``, in the extras that the launcher reads. No other list
names the plugins.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = "otel_rs_distro/plugins.json"
EXTRAS = ("instruments", "instruments-any")


class PluginTable(BuildHookInterface[Any]):
    """Adds the table to a wheel or a source distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the build."""
        folder = Path(self.root)
        # A source distribution brings the table: it is built where there are no plugins.
        if (folder / "src" / TABLE).exists():
            return
        self._made = tempfile.TemporaryDirectory()
        made = Path(self._made.name) / "plugins.json"
        made.write_text(json.dumps(plugins(folder.parents[1] / "crates"), indent=2) + "\n")
        build_data["force_include"][str(made)] = TABLE if self.target_name == "wheel" else f"src/{TABLE}"


def plugins(crates: Path) -> dict[str, list[str]]:
    """The distributions that instrument something, each with the names of those that it instruments."""
    table = {}
    for path in sorted(crates.glob("*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        if "opentelemetry_instrumentor" not in project.get("entry-points", {}):
            continue
        extras = project.get("optional-dependencies", {})
        requirements = [requirement for extra in EXTRAS for requirement in extras.get(extra, [])]
        table[project["name"]] = [re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requirements]
    return table
