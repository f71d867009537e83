"""The Flask plugin: life cycle, hooks, exceptions, and environs of all kinds."""
