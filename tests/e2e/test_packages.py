"""What the native road installs."""

from support.environments import Environment


def test_the_native_road_needs_no_stock_sdk(native: Environment) -> None:
    installed = native.packages()
    assert {"otel-rs-sdk", "otel-rs-distro", "otel-rs-instr-flask"} <= installed.keys()
    assert {"opentelemetry-sdk", "protobuf", "grpcio", "requests"}.isdisjoint(installed)


def test_all_wheels_have_one_version(native: Environment) -> None:
    installed = native.packages()
    assert len({version for name, version in installed.items() if name.startswith("otel-rs-")}) == 1
    result = native.run("-c", "import otel_rs_distro; print(otel_rs_distro.__version__)")
    assert result.stdout.strip() == installed["otel-rs-distro"]
