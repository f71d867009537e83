"""Makes the launcher choose this distribution, in this environment only.

Without ``OTEL_PYTHON_DISTRO`` and ``OTEL_PYTHON_CONFIGURATOR`` the launcher takes the first distro that it meets, in
the order in which the file system lists the installed packages. The two variables are inherited, though, and a program
of another environment would look there for a distro of that name, find none and have no SDK. So the launcher's process
only notes down in which environment the choice holds; each launched process of that environment, children included,
sets the two variables when its interpreter starts (``otel_rs_distro.pth``), and takes them back once it is configured.
"""

import sys
from os import environ, path, pathsep

NAME = "otel_rs"
CHOSEN_IN = "OTEL_RS_CHOSEN_IN"
"""The folder of the environment in which this distribution was chosen."""

VARIABLES = ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")

_LAUNCHER = path.join("opentelemetry", "instrumentation", "auto_instrumentation")

_before: dict[str, str | None] = {}
"""What the variables were before this process set them."""


def prefer_otel_rs() -> None:
    """For the launcher's process: the application is to use this distribution, unless the user wants another one."""
    if not _is_free():
        return
    if _starts_interpreters():
        environ[CHOSEN_IN] = _environment()
    elif _has_rivals():
        _set()


def choose_in_launched_process() -> None:
    """Sets the variables, if this is a process of the chosen environment into which the launcher comes next."""
    if environ.get(CHOSEN_IN) == _environment() and _is_launched() and _is_free():
        _set()


def forget() -> None:
    """Takes back what :func:`choose_in_launched_process` has set: a child may belong to another environment."""
    while _before:
        variable, value = _before.popitem()
        if value is None:
            environ.pop(variable, None)
        else:
            environ[variable] = value


def _set() -> None:
    for variable in VARIABLES:
        value = environ.get(variable)
        if value != NAME:
            _before.setdefault(variable, value)
            environ[variable] = NAME


def _environment() -> str:
    # A command may name the same environment by another path than the launcher's.
    return path.realpath(sys.prefix)


def _is_free() -> bool:
    """Whether neither variable names another distribution; blanks and the case of letters do not matter."""
    return all(environ.get(variable, "").strip().lower() in ("", NAME) for variable in VARIABLES)


def _is_launched() -> bool:
    """Whether the launcher's ``sitecustomize`` is on the path of this interpreter."""
    return any(part.rstrip(path.sep).endswith(_LAUNCHER) for part in environ.get("PYTHONPATH", "").split(pathsep))


def _has_rivals() -> bool:
    """Whether the launcher could choose somebody else."""
    from importlib.metadata import entry_points

    groups = ("opentelemetry_distro", "opentelemetry_configurator")
    return any(point.name != NAME for group in groups for point in entry_points(group=group))


def _starts_interpreters() -> bool:
    """Whether interpreters read our ``.pth``. They do so in their own folders of packages, but not in those of
    ``PYTHONPATH``; there the variables have to do, for children as well.
    """
    import site

    packages = path.dirname(path.dirname(path.abspath(__file__)))
    folders = map(path.abspath, (*site.getsitepackages(), site.getusersitepackages()))
    return packages in folders and path.exists(path.join(packages, "otel_rs_distro.pth"))
