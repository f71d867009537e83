"""Makes a plugin from ``templates/plugin``; ``make new-plugin`` runs it.

It reads the variables ``NAME``, ``TARGET`` (``module:Class.method`` or ``module:function``) and ``REQUIRES`` (what the
plugin needs to be installed, if the distribution is not called like the module or some versions of it do not fit).
"""

from __future__ import annotations

import keyword
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "templates" / "plugin"
SHARED_MODULES = ROOT / "crates" / "core" / "python"
SUFFIX = ".template"

# In the standard library, and called by no program that our tests run.
DEFAULT_TARGET = "sched:scheduler.run"

# So long that every line of the templates still fits.
LONGEST_NAME = 30
LONGEST_TARGET = 100

RUST_KEYWORDS = """
    abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if impl
    in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type
    typeof unsafe unsized use virtual where while yield
"""


class Refused(Exception):
    """What was asked for cannot be made; the message is for whoever asked."""


def main() -> int:
    """Makes the plugin and says what comes next; returns the exit status."""
    try:
        name = checked_name(os.environ.get("NAME", ""))
        module, path = checked_target(os.environ.get("TARGET") or DEFAULT_TARGET)
        requirement = checked_requirement(os.environ.get("REQUIRES") or default_requirement(module))
        made = render(values(name, module, path, requirement))
    except Refused as refused:
        print(f"make new-plugin: {refused}", file=sys.stderr)
        return 2
    try:
        update_lock_file()
        subprocess.run(["cargo", "fmt", "--package", f"otel-rs-instr-{name.replace('_', '-')}"], cwd=ROOT, check=True)
    except subprocess.CalledProcessError as failed:
        print(f"make new-plugin: the files are there, but this failed: {' '.join(failed.cmd)}", file=sys.stderr)
        return 1
    for file in made:
        print(file.relative_to(ROOT))
    print(f"\nThe plugin wraps {module}:{path}" + (f" and needs {requirement}." if requirement else "."))
    print(f"Try it:  make test-plugin NAME={name}")
    print('Go on:   CONTRIBUTING.md, "Add a plugin"')
    return 0


def checked_name(name: str) -> str:
    """The name with underscores, as Python has it; a dash is the same."""
    if not name:
        raise Refused("NAME is missing: make new-plugin NAME=… [TARGET=module:Class.method]")
    name = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise Refused(f"NAME={name} is no lower-case identifier: letters, digits, single underscores or dashes")
    if len(name) > LONGEST_NAME:
        raise Refused(f"NAME={name} is longer than {LONGEST_NAME} characters")
    if name in RUST_KEYWORDS.split() or keyword.iskeyword(name):
        raise Refused(f"NAME={name} is a keyword of Rust or Python")
    for project in ROOT.glob("crates/*/pyproject.toml"):
        if re.search(rf'^{name} = "otel_rs_instr_', project.read_text(), re.MULTILINE):
            raise Refused(f"NAME={name}: there is such a plugin, {project.parent.relative_to(ROOT)}")
    return name


def checked_target(target: str) -> tuple[str, str]:
    """Module and path within it."""
    module, colon, path = target.partition(":")
    parts = f"{module}.{path}".split(".")
    if not colon or not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise Refused(f"TARGET={target} is neither module:Class.method nor module:function")
    if len(target) > LONGEST_TARGET:
        raise Refused(f"TARGET={target} is longer than {LONGEST_TARGET} characters")
    return module, path


def default_requirement(module: str) -> str:
    """The distribution that is called like the module; none for the standard library."""
    library = module.partition(".")[0]
    return "" if library in sys.stdlib_module_names else library


def checked_requirement(requirement: str) -> str:
    """A requirement specifier, roughly: pip is who decides."""
    if requirement and not re.fullmatch(r"[A-Za-z0-9][\w.-]*(\[[\w,. -]+\])?[\w.<>=!~,* ]*", requirement):
        raise Refused(f"REQUIRES={requirement} is no requirement specifier, such as 'flask >= 2, < 4'")
    return requirement


def values(name: str, module: str, path: str, requirement: str) -> dict[str, str]:
    """What the templates' placeholders stand for."""
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert version, "the workspace has no version"
    return {
        "name": name,
        "dashed": name.replace("_", "-"),
        "class": "".join(word.capitalize() for word in name.split("_")),
        "module": module,
        "library": module.partition(".")[0],
        "path": path,
        "span": f"{module}.{path}",
        "instruments": f'"{requirement}"' if requirement else "",
        "version": version[1],
    }


def render(values: dict[str, str]) -> list[Path]:
    """Writes the plugin's files and returns them."""
    files = {
        ROOT / filled(str(template.relative_to(TEMPLATES)).removesuffix(SUFFIX), values): template
        for template in sorted(TEMPLATES.rglob(f"*{SUFFIX}"))
    }
    crate, tests = (ROOT / filled(folder, values) for folder in ("crates/instr-{{dashed}}", "tests/{{name}}_plugin"))
    for folder in (crate, tests):
        if folder.exists():
            raise Refused(f"{folder.relative_to(ROOT)} is there already")
    for file, template in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(filled(template.read_text(), values))
    # What is outside of the crate would not be packed.
    (crate / "LICENSE").symlink_to("../../LICENSE")
    package = crate / filled("python/otel_rs_instr_{{name}}", values)
    links = [package / module.name for module in sorted(SHARED_MODULES.glob("*.py"))]
    for link in links:
        link.symlink_to(Path("../../../core/python", link.name))
    return [*files, crate / "LICENSE", *links]


def filled(text: str, values: dict[str, str]) -> str:
    """The text with its placeholders replaced."""
    return re.sub(r"\{\{(\w+)\}\}", lambda placeholder: values[placeholder[1]], text)


def update_lock_file() -> None:
    """Adds the crate to ``Cargo.lock`` and changes nothing else; without a network if cargo has its index."""
    update = ["cargo", "update", "--quiet", "--workspace"]
    if subprocess.run([*update, "--offline"], cwd=ROOT, check=False, capture_output=True).returncode != 0:
        subprocess.run(update, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
