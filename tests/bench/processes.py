"""What processes cost: scheduler time of whole trees, and memory as the kernel shares it out."""

from pathlib import Path

import psutil


def tree(*roots: int) -> list[int]:
    """Return the ids of `roots` and of everything below them."""
    pids: list[int] = []
    for root in roots:
        process = psutil.Process(root)
        pids += [process.pid, *(child.pid for child in process.children(recursive=True))]
    return pids


def _thread_nanoseconds(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def cpu_seconds(*roots: int) -> float:
    """Return the time on a processor of all threads of all processes below `roots`."""
    total = 0
    for pid in tree(*roots):
        tasks = Path(f"/proc/{pid}/task")
        total += sum(map(_thread_nanoseconds, tasks.iterdir())) if tasks.is_dir() else 0
    return total / 1e9


def memory_bytes(pid: int) -> tuple[int, int]:
    """Return (RSS, PSS) of one process; PSS divides shared pages among their users."""
    info = psutil.Process(pid).memory_full_info()
    return info.rss, info.pss


def tree_memory_bytes(*roots: int) -> tuple[int, int]:
    """Return the summed (RSS, PSS) of the trees below `roots`."""
    figures = [memory_bytes(pid) for pid in tree(*roots)]
    return sum(rss for rss, _ in figures), sum(pss for _, pss in figures)
