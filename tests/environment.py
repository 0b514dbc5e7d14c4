"""Loaded by pytest before Django's settings: gives every test process a home folder of its own.

Without it, settings would read the developer's own `~/.interlock`.
"""

import atexit
import os
import shutil
import tempfile

_home = tempfile.mkdtemp(prefix="interlock-tests-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
# These are for the tests, not for the product.
_FOR_TESTS = (
    "INTERLOCK_EDITED_DOCUMENTS",
    "INTERLOCK_FAULTS_COUNT",
    "INTERLOCK_LONG",
    "INTERLOCK_SEED",
    "INTERLOCK_TEST_TEMPLATES",
)
for name in [name for name in os.environ if name.startswith("INTERLOCK_") and name not in _FOR_TESTS]:
    del os.environ[name]
os.environ.update(INTERLOCK_HOME=_home, SECRET_KEY="only-for-tests-" + "x" * 40)
