"""A Django project that the end-to-end tests serve; it knows nothing of OpenTelemetry."""
