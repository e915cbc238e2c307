"""Read a source's images in parallel processes, in order."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from fakeface.data._base import Batch, Source
from fakeface.environment import usable_cores
from fakeface.errors import UserError

CHUNK = 32
"""Items per task: few, so that Ctrl-C does not wait long for photographs of many megapixels."""
WORTH_A_PROCESS = 512
"""Starting a process takes about as long as rendering or decoding this many small images."""


def read_all(
    source: Source,
    items: Sequence[str],
    size: int,
    channels: int,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Batch]:
    """All images, in the order of `items`, whatever the number of processes; in this one if no other can start.

    Processes rather than threads: with small images both Pillow and NumPy spend their time holding the GIL.

    Raises:
        UserError: a worker process died.
    """
    starts = range(0, len(items), CHUNK)
    chunks = (tuple(items[start : start + CHUNK]) for start in starts)
    workers = min(workers or usable_cores(), 1 + len(items) // WORTH_A_PROCESS)
    pool = _pool(workers) if workers > 1 else None
    if pool is not None:
        batches = _in_processes(pool, source, chunks, size, channels, workers)
    else:
        batches = (source.read(chunk, size, channels) for chunk in chunks)
    for start, batch in zip(starts, batches, strict=True):
        yield batch
        if progress is not None:
            progress(min(start + CHUNK, len(items)), len(items))


def _pool(workers: int) -> ProcessPoolExecutor | None:
    """Some processes; None where the machine refuses them (no writable /dev/shm, no more processes allowed)."""
    # Spawned, since a fork of a process that runs threads (torch's, MLflow's) may hang.
    context = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
        pool.submit(os.getpid)  # starts them
    except (OSError, ImportError):  # ImportError: a platform without semaphores
        return None
    return pool


def _in_processes(
    pool: ProcessPoolExecutor,
    source: Source,
    chunks: Iterable[tuple[str, ...]],
    size: int,
    channels: int,
    workers: int,
) -> Iterator[Batch]:
    with pool:
        pending: deque[Future[Batch]] = deque()
        try:
            for chunk in chunks:
                pending.append(pool.submit(source.read, chunk, size, channels))
                if len(pending) > 4 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "a process that prepared images died (out of memory?): free some memory and run it again"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Ignore Ctrl-C, which the terminal sends to every process and the parent handles; end when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this, workers would wait forever for a killed parent, since they hold both ends of the pool's pipes."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
