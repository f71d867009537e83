"""The console script ``otel-rs-bootstrap``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement

from otel_rs_distro.plugins import instrumented_by_plugin
from otel_rs_distro.version import __version__


def fitting_plugins() -> list[str]:
    """The plugins whose library is installed in this environment, and those of the standard library, sorted."""
    return sorted(
        plugin
        for plugin, libraries in instrumented_by_plugin().items()
        if not libraries or any(map(_is_satisfied, libraries))
    )


def fitting_stock_packages() -> list[str]:
    """The stock instrumentations of everything else that is installed here, as requirements, sorted.

    They come from the lists of the installed ``opentelemetry-instrumentation``, which name the versions that belong to
    it. What a plugin of ours replaces is left out.
    """
    from opentelemetry.instrumentation.bootstrap_gen import default_instrumentations, libraries

    replaced = {_stock_name(plugin) for plugin in instrumented_by_plugin()}
    fitting = [
        *default_instrumentations,
        *(row["instrumentation"] for row in libraries if _is_satisfied(row["library"])),
    ]
    return sorted({package for package in fitting if Requirement(package).name not in replaced})


def unsupported_libraries() -> list[str]:
    """One line for each installed library whose version neither a plugin nor a stock instrumentation takes, sorted."""
    from opentelemetry.instrumentation.bootstrap_gen import libraries

    known = {library.lower() for libraries in instrumented_by_plugin().values() for library in libraries}
    rows = [(Requirement(row["library"]), row["instrumentation"]) for row in libraries]
    served = {library.name.lower() for library, _ in rows if _is_satisfied(str(library))} | known
    return sorted(
        f"otel-rs: {library.name} {_installed(library.name)} is installed; expected {library} for {package}; it is not "
        "instrumented"
        for library, package in rows
        if _installed(library.name) is not None and library.name.lower() not in served
    )


def main(arguments: list[str] | None = None) -> int:
    """Prints what fits, or installs it; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="otel-rs-bootstrap",
        description="Finds the otel-rs plugins that fit the libraries installed here, and the stock instrumentations "
        "of those that otel-rs has no plugin for.",
        epilog="Unknown options are passed on to pip install, for example --find-links dist.",
    )
    parser.add_argument(
        "-a",
        "--action",
        choices=("requirements", "install"),
        default="requirements",
        help="requirements: print one package per line, for a requirements file (default); install: pip install them",
    )
    parser.add_argument(
        "--no-stock",
        action="store_true",
        help="otel-rs plugins alone: calls to databases, services and queues that they do not know leave no spans and "
        "carry no trace context",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    options, pip_arguments = parser.parse_known_args(arguments)
    if pip_arguments and options.action != "install":
        parser.error(f"unknown arguments: {' '.join(pip_arguments)}")

    if not options.no_stock:
        for line in unsupported_libraries():
            print(line, file=sys.stderr)
    packages = fitting_plugins() + ([] if options.no_stock else fitting_stock_packages())
    if options.action == "requirements":
        for package in packages:
            print(package)
        return 0
    missing = [package for package in packages if not _is_satisfied(package)]
    if not missing:
        print("Nothing to install.")
        return 0
    return subprocess.call([sys.executable, "-m", "pip", "install", *pip_arguments, *missing])


def _stock_name(plugin: str) -> str:
    return plugin.replace("otel-rs-instr-", "opentelemetry-instrumentation-")


def _is_satisfied(requirement: str) -> bool:
    wanted = Requirement(requirement)
    installed = _installed(wanted.name)
    return installed is not None and wanted.specifier.contains(installed, prereleases=True)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
