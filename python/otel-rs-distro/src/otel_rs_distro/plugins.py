"""The plugins of the project, by what they instrument. A new plugin is one line here."""

PLUGINS: dict[str, str] = {
    # distribution that is instrumented: distribution that instruments it
    "flask": "otel-rs-instr-flask",
}
