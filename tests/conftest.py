"""Fixtures that several suites use."""

import gc
import re
import signal
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from opentelemetry import trace

from support.distribution import encodable, in_order_of_start
from support.oteltap_receiver import OtelTapReceiver
from support.otlp_receiver import OtlpReceiver
from support.telemetry import Telemetry


def pytest_configure() -> None:
    """In a job that a shell runs in the background SIGINT is ignored, and so it would be in the tests' programs."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Shares the tests out by groups, whatever ``--dist`` says."""
    from support.scheduling import GroupScheduling

    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The processes that share the tests must agree on their ids."""
    for item in items:
        if re.search(r" at 0x[0-9a-f]+", item.nodeid):
            raise pytest.UsageError(f"{item.nodeid}: an address in an id differs from process to process")
    if hasattr(config, "workerinput"):
        items[:] = in_order_of_start(items)


def pytest_collection_finish() -> None:
    """What has been imported is no garbage: tests that collect garbage need not look through it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """What a test logs may be no Unicode; its report goes to another process."""
    return encodable((yield))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Writes lines below the results of the run, whichever process the test runs in."""
    return lambda lines: record_property("told", lines)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Writes what tests have to tell."""
    for report in terminalreporter.getreports("passed"):
        for name, lines in report.user_properties:
            if name == "told":
                terminalreporter.write_line(lines)


@pytest.fixture(params=["stock-sdk", "native"])
def telemetry(request: pytest.FixtureRequest) -> Iterator[Telemetry]:
    """New providers of the stock SDK, or of ours; nothing is current when the test is over."""
    with Telemetry(native=request.param == "native") as telemetry:
        yield telemetry
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """An OTLP receiver that keeps what it is sent and can misbehave."""
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def oteltap() -> Iterator[OtelTapReceiver]:
    """oteltap, with a receiver behind it that keeps resource and scope too."""
    with OtelTapReceiver() as receiver:
        yield receiver
