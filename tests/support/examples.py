"""How many generated values a test tries."""

import os


def examples(count: int) -> int:
    """``count`` where the whole suite runs, a tenth on the other interpreters: values do not depend on those."""
    return max(1, count // 10) if os.environ.get("FEWER_EXAMPLES") else count
