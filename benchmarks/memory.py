"""Measure how much memory a large transfer takes: 1 GiB down and 1 GiB up, each colour, plain and TLS.

    python -m benchmarks.memory [MEBIBYTES]

Each transfer runs in a process of its own, which prints by how much its peak memory grew. It fails if that is 20 MiB or
more. For Linux.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
from benchmarks.origins import Origins
from benchmarks.workloads import Origin

MAX_GROWTH = 20 * 1024  # KiB
COLOURS = ("sync", "asyncio", "uvloop", "trio")
PART = b"y" * 65536


def main() -> None:
    size = (int(sys.argv[1]) if len(sys.argv) > 1 else 1024) * 1024 * 1024
    growths = []
    with Origins() as origins:
        for origin in (Origin.PLAIN, Origin.TLS):
            url, _ = origins.find(origin)
            for colour in COLOURS:
                for direction in ("down", "up"):
                    arguments = [colour, direction, url, str(size), str(origins.authority)]
                    output = subprocess.run(
                        [sys.executable, __file__, "--one", *arguments], check=True, capture_output=True, text=True
                    ).stdout
                    growth = int(output)
                    growths.append(growth)
                    print(f"{colour:8} {origin:5} {direction:4} {size >> 20} MiB: peak memory grew {growth} KiB")
    if max(growths) >= MAX_GROWTH:
        sys.exit(f"More than {MAX_GROWTH} KiB.")


def transfer(colour: str, direction: str, url: str, size: int, authority: str) -> int:
    """Return by how many KiB the peak memory of this process grew."""
    import ssl

    context = ssl.create_default_context(cafile=authority)
    if colour == "sync":
        with httpx.Client(verify=context) as client:
            client.get(f"{url}/bytes/1000")
            before = peak()
            if direction == "down":
                with client.stream("GET", f"{url}/bytes/{size}") as response:
                    assert sum(map(len, response.iter_bytes())) == size
            else:
                assert int(client.post(url, content=parts(size)).text) >= size
            return peak() - before

    async def run() -> int:
        async with httpx.AsyncClient(verify=context) as client:
            await client.get(f"{url}/bytes/1000")
            before = peak()
            if direction == "down":
                async with client.stream("GET", f"{url}/bytes/{size}") as response:
                    count = 0
                    async for part in response.aiter_bytes():
                        count += len(part)
                    assert count == size
            else:
                assert int((await client.post(url, content=async_parts(size))).text) >= size
            return peak() - before

    if colour == "trio":
        import trio

        return trio.run(run)
    if colour == "uvloop":
        import uvloop

        return uvloop.run(run())
    return asyncio.run(run())


def parts(size: int) -> Iterator[bytes]:
    for _ in range(size // len(PART)):
        yield PART


async def async_parts(size: int) -> AsyncIterator[bytes]:
    for part in parts(size):
        yield part


def peak() -> int:
    """Return the peak of this process's memory in KiB."""
    # Not getrusage: on Linux a process inherits the peak of the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(transfer(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6]))
    else:
        main()
