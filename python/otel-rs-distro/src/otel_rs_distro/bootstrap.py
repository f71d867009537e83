"""The console script ``otel-rs-bootstrap``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution

from otel_rs_distro.plugins import instrumented_by_plugin
from otel_rs_distro.version import __version__


def fitting_plugins() -> list[str]:
    """The plugins whose library is installed in this environment, and those of the standard library, sorted."""
    return sorted(
        plugin
        for plugin, libraries in instrumented_by_plugin().items()
        if not libraries or any(map(_is_installed, libraries))
    )


def main(arguments: list[str] | None = None) -> int:
    """Prints the fitting plugins, or installs them; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="otel-rs-bootstrap",
        description="Finds the otel-rs plugins that fit the libraries installed here.",
        epilog="Unknown options are passed on to pip install, for example --find-links dist.",
    )
    parser.add_argument(
        "-a",
        "--action",
        choices=("requirements", "install"),
        default="requirements",
        help="requirements: print one plugin per line, for a requirements file (default); install: pip install them",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    options, pip_arguments = parser.parse_known_args(arguments)
    if pip_arguments and options.action != "install":
        parser.error(f"unknown arguments: {' '.join(pip_arguments)}")

    plugins = fitting_plugins()
    if options.action == "requirements":
        for plugin in plugins:
            print(plugin)
        return 0
    missing = [plugin for plugin in plugins if not _is_installed(plugin)]
    if not missing:
        print("Nothing to install.")
        return 0
    return subprocess.call([sys.executable, "-m", "pip", "install", *pip_arguments, *missing])


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
