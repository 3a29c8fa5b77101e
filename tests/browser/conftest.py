"""The gateway, bureau and certificates of the dialogues, for tests that look at it with a browser."""
import importlib.util
import pathlib
import sys

EXCHANGE = pathlib.Path(__file__).resolve().parents[1] / "exchange"
sys.path.insert(0, str(EXCHANGE))
spec = importlib.util.spec_from_file_location("exchange_harness", EXCHANGE / "conftest.py")
harness = importlib.util.module_from_spec(spec)
sys.modules["exchange_harness"] = harness
spec.loader.exec_module(harness)

pki, bureau, make_gateway, gateway = harness.pki, harness.bureau, harness.make_gateway, harness.gateway
