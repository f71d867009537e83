"""Makes the launcher choose this distribution.

``opentelemetry-instrument`` imports the modules of the entry point group ``opentelemetry_environment_variables`` before
it starts the application, and the application inherits its environment. Without the two variables the launcher takes
the first distro that it meets, in the order in which the file system lists the installed packages.

Names that start with ``OTEL_`` would become options of the launcher, so this module has none.
"""

from os import environ

_NAME = "otel_rs"
_VARIABLES = ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")


def prefer_otel_rs() -> None:
    """Sets both variables, unless one of them says that the user wants another distro."""
    if all(environ.get(variable, _NAME) == _NAME for variable in _VARIABLES):
        for variable in _VARIABLES:
            environ[variable] = _NAME


prefer_otel_rs()
