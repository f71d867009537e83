"""The shop with a middleware that its author has put around it."""

from otel_rs_instr_wsgi import OpenTelemetryMiddleware
from shop import app

application = OpenTelemetryMiddleware(app)
