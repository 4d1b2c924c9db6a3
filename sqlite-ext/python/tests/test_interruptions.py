"""Progress, interruptions, deadlines; and work side by side."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, ClassVar, Optional

import sqlite_lifeboat as lifeboat

from .scene import Scene, connect

#: Rows of the large database, 100 random bytes each.
ROWS = 300_000


class Steps:
    """What a function for progress was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, Optional[int]]] = []

    def __call__(self, phase: str, done: int, total: Optional[int]) -> None:
        self.steps.append((phase, done, total))

    def ends(self) -> list[tuple[str, int, Optional[int]]]:
        """The last step of each phase."""
        return [step for step, next in zip(self.steps, [*self.steps[1:], ("", 0, None)]) if step[0] != next[0]]


class Progress(Scene):
    def told(self, steps: Steps, *phases: tuple[str, Optional[int]]) -> None:
        """The phases came in this order, each from 0 to its total, never backwards."""
        self.assertEqual([(phase, total) for phase, _, total in steps.ends()], list(phases))
        for phase, done, total in steps.ends():
            self.assertEqual(done, total or 0)
            dones = [step[1] for step in steps.steps if step[0] == phase]
            self.assertEqual((dones[0], dones), (0, sorted(dones)))

    def test_of_a_bundle(self) -> None:
        size = os.path.getsize(self.chain[0])
        steps = Steps()
        recovered = lifeboat.recover(self.chain[0], self.key, self.path("new.db"), progress=steps)
        self.told(steps, ("reading", size), ("building", None), ("writing", recovered.size))
        for work, phase in [
            (lambda steps: lifeboat.verify(self.chain[0], progress=steps), "checking"),
            (lambda steps: lifeboat.info(self.chain[0], self.key, progress=steps), "reading"),
            (lambda steps: list(lifeboat.rows(self.chain[0], self.key, progress=steps)), "reading"),
        ]:
            steps = Steps()
            work(steps)  # type: ignore[no-untyped-call]
            self.told(steps, (phase, size))

    def test_of_a_chain(self) -> None:
        size = sum(map(os.path.getsize, self.chain))
        steps = Steps()
        recovered = lifeboat.recover(self.chain, self.key, self.path("new.db"), progress=steps)
        self.told(steps, ("reading", size), ("building", None), ("writing", recovered.size))
        steps = Steps()
        lifeboat.verify(self.chain, progress=steps)
        self.told(steps, ("checking", size))

    def test_what_it_raises_ends_the_work(self) -> None:
        class Enough(Exception):
            pass

        def enough(phase: str, done: int, total: Optional[int]) -> None:
            raise Enough(threading.current_thread().name)

        with self.assertRaises(Enough) as raised:
            lifeboat.recover(self.chain[0], self.key, self.path("new.db"), progress=enough)
        self.assertEqual(str(raised.exception), threading.current_thread().name)
        self.assert_holds()


class Interruptions(Scene):
    large: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        db = connect(cls.shared / "large.db")
        list(db.execute("CREATE TABLE noise(id INTEGER PRIMARY KEY, x UNIQUE)"))
        counting = f"WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) "
        list(db.execute(counting + "INSERT INTO noise(x) SELECT randomblob(100) FROM n"))
        cls.large = str(cls.shared / "large.bundle")
        cls.export(db, cls.large)
        db.close()
        # Compiles the command, so that it takes none of the time that is measured.
        lifeboat.verify(cls.chain[0])

    def setUp(self) -> None:
        super().setUp()
        self.before = set(os.listdir("/proc/self/fd"))

    def left_nothing(self) -> None:
        self.assert_holds()
        self.assertNotIn("lifeboat", [thread.name for thread in threading.enumerate()])
        # What wasmtime does on threads of its own (it keeps compiled code, it closes files) takes a moment longer.
        ends = time.monotonic() + 10
        while not set(os.listdir("/proc/self/fd")) <= self.before and time.monotonic() < ends:
            time.sleep(0.05)
        self.assertLessEqual(set(os.listdir("/proc/self/fd")), self.before)

    def test_control_c(self) -> None:
        for phase in ("reading", "building", "writing"):
            sent: list[float] = []

            def send() -> None:
                sent.append(time.monotonic())
                os.kill(os.getpid(), signal.SIGINT)

            def at_phase(name: str, done: int, total: Optional[int]) -> None:
                if name == phase and not sent and (name == "building" or done > 0):
                    timer = threading.Timer(0.02 if name == "building" else 0, send)
                    timer.start()
                    self.addCleanup(timer.join)

            with self.subTest(phase), self.assertRaises(KeyboardInterrupt):
                lifeboat.recover(self.large, self.key, self.path("new.db"), progress=at_phase)
                time.sleep(1)
                self.fail("the interruption came too late")
            self.assertLess(time.monotonic() - sent[0], 5)
            self.left_nothing()

    def test_the_deadline(self) -> None:
        for timeout in (0, 0.001, 0.3):
            began = time.monotonic()
            with self.assertRaises(lifeboat.DeadlineError) as raised:
                lifeboat.recover(self.large, self.key, self.path("new.db"), timeout=timeout)
            self.assertEqual(raised.exception.kind, "interrupted")
            self.assertLess(time.monotonic() - began, timeout + 5)
            self.left_nothing()
        with self.assertRaises(lifeboat.DeadlineError):
            list(lifeboat.rows(self.large, self.key, timeout=0.05))
        self.assertEqual(lifeboat.info(self.large, self.key, timeout=600).rows, ROWS)

    def test_side_by_side(self) -> None:
        ended: dict[str, Any] = {}

        def recover(name: str, **options: Any) -> None:
            try:
                ended[name] = lifeboat.recover(self.large, self.key, self.path(f"{name}.db"), **options)
            except lifeboat.Error as error:
                ended[name] = error.kind

        threads = [
            threading.Thread(target=recover, args=["a"]),
            threading.Thread(target=recover, args=["b"]),
            threading.Thread(target=recover, args=["c"], kwargs={"timeout": 0.1}),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((ended["a"], ended["c"]), (ended["b"], "interrupted"))
        self.assertEqual(Path(self.path("a.db")).read_bytes(), Path(self.path("b.db")).read_bytes())
        self.assert_holds("a.db", "b.db")
