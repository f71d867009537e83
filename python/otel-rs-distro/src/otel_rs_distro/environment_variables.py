"""Makes the launcher choose this distribution (:mod:`otel_rs_distro.choice`).

``opentelemetry-instrument`` imports the modules of the entry point group ``opentelemetry_environment_variables``
before it starts the application. Names that start with ``OTEL_`` would become options of the launcher, so this module
has none.
"""

from otel_rs_distro.choice import prefer_otel_rs

prefer_otel_rs()
