"""What has to happen before anything of OpenTelemetry is imported.

``otel_rs_distro.pth`` lets every interpreter of this environment import this module when it starts, if a variable is
set that it concerns. The launcher's own start is too late: the API loads propagators when it is imported, and the
launcher imports it before any distro.
"""

from otel_rs_distro import api_start, choice

choice.choose_in_launched_process()
api_start.survive_wrong_names()
