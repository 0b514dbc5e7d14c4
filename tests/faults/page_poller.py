"""A client that opens pages and calls the API all the time, whatever happens to the servers behind."""

import itertools
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from http.cookiejar import CookieJar

from tests.faults.rig import Rig

TIMEOUT_SECONDS = 40.0


class PagePoller:
    """Signed in, one page after the other, in a thread until `close`."""

    def __init__(self, rig: Rig, *paths: str) -> None:
        self.rig = rig
        self.paths = paths or ("/", "/runs/", "/api/v1/runs/")
        self.statuses: Counter[int] = Counter()
        """Number of answers by status; 0: no answer."""
        self.seconds: list[float] = []
        self._door = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        rig.product.sign_in(self._door)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="visitor", daemon=True)
        self._thread.start()

    def _poll(self) -> None:
        for path in itertools.cycle(self.paths):
            if self._over.wait(0.05):
                return
            began = time.monotonic()
            self.statuses[self._ask(path)] += 1
            self.seconds.append(time.monotonic() - began)

    def _ask(self, path: str) -> int:
        try:
            with self._door.open(f"http://127.0.0.1:{self.rig.product.port}{path}", timeout=TIMEOUT_SECONDS) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                error.read()
            return error.code
        except OSError:
            return 0

    def close(self) -> float:
        """Stop, and return the seconds of the slowest answer."""
        self._over.set()
        self._thread.join(TIMEOUT_SECONDS + 5)
        assert not self._thread.is_alive()
        return max(self.seconds)
