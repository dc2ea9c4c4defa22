"""Runs commands, a few at a time; none outlives the call."""

import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from ..errors import BuildError

__all__ = ["run", "run_all"]

_SHOWN_CHARACTERS = 2000


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    """Run one command.

    Raises
    ------
    BuildError
        It failed; the message ends with what it wrote.
    """
    run_all([command], 1, environment=environment)


def run_all(
    commands: Sequence[Sequence[str]],
    jobs: int,
    done: Callable[[], None] | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    """Run commands, `jobs` at a time, and call `done` after each.

    Raises
    ------
    BuildError
        One failed; the others were stopped.
    """
    started: list[subprocess.Popen[str]] = []

    def work(command: Sequence[str]) -> None:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        started.append(process)
        output, _ = process.communicate()
        if process.returncode:
            tail = output[-_SHOWN_CHARACTERS:].strip()
            raise BuildError(f"{command[0]} failed with status {process.returncode}:\n{tail}")
        if done is not None:
            done()

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, command) for command in commands]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            for process in started:
                process.kill()
            raise
