"""A thread that writes while the training goes on: jobs in their order, and no failure of them is lost."""

import queue
import threading
from collections.abc import Callable


class Background:
    """Runs jobs one after another. A job's failure is raised by the next call of any method here, once; the jobs after
    it are not run, so that what is written later never stands on what was not."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self.has_failed = False
        """A job has: the ones after it are not run."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Background":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the thread with the block; what a job failed with is raised, unless the block failed before."""
        self.close(raises=kind is None)

    def put(self, job: Callable[[], None]) -> None:
        """Have `job` run after those before it."""
        self.check()
        with self._changed:
            self._waiting += 1
        self._jobs.put(job)

    def check(self) -> None:
        """Raise what a job raised."""
        with self._changed:
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def wait(self) -> None:
        """Return when all jobs so far are done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting == 0)
        self.check()

    def close(self, *, raises: bool = True) -> None:
        """Run what is left and end the thread; without `raises` a failure is passed over, for another is on its way."""
        self._jobs.put(None)
        self._thread.join()
        if raises:
            self.check()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                if not self.has_failed:
                    job()
            except BaseException as error:
                with self._changed:
                    self._failure, self.has_failed = error, True
            finally:
                with self._changed:
                    self._waiting -= 1
                    self._changed.notify_all()
