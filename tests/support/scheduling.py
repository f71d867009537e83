"""The scheduler of a run in several processes; only such a run needs xdist."""

from xdist.scheduler import LoadScopeScheduling

from support.distribution import group


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives whole groups and single tests to the processes, as these come to need more."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
