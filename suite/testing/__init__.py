"""The contract every domain keeps, as tests: subclass `DomainContract` in a plugin's own test file.

    class TestContract(DomainContract):
        domain = "weather"
        settings = {"limit": 8, "max_steps": 3}

Or, without any file, of an installed domain: `pytest --suite-domain weather --suite-settings limit=8`. Each failure
says what was promised, what was seen, and where to read.
"""

from suite.testing.contract import DomainContract
from suite.testing.data import Messy
from suite.testing.promise import distribution, fault_plugin, keep, newest

__all__ = ["DomainContract", "Messy", "distribution", "fault_plugin", "keep", "newest"]
