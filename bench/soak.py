#!/usr/bin/env python3
"""Many connections for a minute: metadata and small queries, mixed. Needs pyarrow and psutil.

    bench/soak.py target/release/mica [--connections 500] [--seconds 60]

Starts the server on examples/c360, opens all connections, lets each ask in turn, closes them, and
prints requests, errors, latencies, and the server's memory before, during and after. Fails if any
request failed, or if memory does not come back.
"""

import argparse
import multiprocessing
import pathlib
import random
import subprocess
import tempfile
import threading
import time

import psutil
import pyarrow.flight as flight

from flight_sql import statement

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROCESSES = 8
QUERIES = [
    "SELECT 1",
    "SELECT count(*) FROM customer_analytics_c360",
    "SELECT loyalty_tier, avg(total_spent) FROM customer_analytics_c360 GROUP BY 1",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'default'",
    "SHOW TABLES",
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'src_customers'",
]
# A server that has served so many connections once keeps what it needs for them; more than this above
# it after a second time is a leak.
GROWTH_MAX = 1.1


def connection(uri, until, seed, latencies, errors):
    choose = random.Random(seed)
    client = flight.connect(uri)
    while time.time() < until:
        descriptor = flight.FlightDescriptor.for_command(statement(choose.choice(QUERIES)))
        started = time.perf_counter()
        try:
            info = client.get_flight_info(descriptor)
            client.do_get(info.endpoints[0].ticket).read_all()
            latencies.append(time.perf_counter() - started)
        except Exception as error:  # whatever the server does wrong
            errors.append(str(error)[:200])
        time.sleep(choose.random() / 2)
    client.close()


def process(uri, count, until, first, results):
    latencies, errors = [], []
    threads = [
        threading.Thread(target=connection, args=(uri, until, first + n, latencies, errors))
        for n in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((latencies, errors))


def soak(uri, connections, seconds):
    results = multiprocessing.Queue()
    until = time.time() + seconds
    share = [connections // PROCESSES + (n < connections % PROCESSES) for n in range(PROCESSES)]
    workers = [
        multiprocessing.Process(target=process, args=(uri, count, until, n * 1000, results))
        for n, count in enumerate(share)
    ]
    for worker in workers:
        worker.start()
    found = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    latencies = sorted(latency for part, _ in found for latency in part)
    return latencies, [error for _, part in found for error in part]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mica")
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arguments = [ROOT / "examples/c360", "--warehouse", folder, "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(
            [options.mica, "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            for line in server.stdout:
                if "ready at" in line:
                    break
            uri = line.split()[-1].strip().replace("grpc://", "grpc+tcp://")
            memory = lambda: psutil.Process(server.pid).memory_info().rss / 1e6
            idle = memory()
            soak(uri, options.connections, options.seconds // 3)
            before = memory()
            latencies, errors = soak(uri, options.connections, options.seconds)
            during = memory()
            time.sleep(5)
            after = memory()
        finally:
            server.terminate()
            server.wait()
    at = lambda share: latencies[int(len(latencies) * share)] * 1000
    print(f"{options.connections} connections, {options.seconds} s: {len(latencies)} requests, {len(errors)} errors")
    print(f"p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, longest {latencies[-1] * 1000:.0f} ms")
    print(f"memory: {idle:.0f} MB at first, {before:.0f} MB warm, {during:.0f} MB at the end, {after:.0f} MB after")
    for error in errors[:5]:
        print(error)
    assert not errors, "requests failed"
    assert after < before * GROWTH_MAX, "memory did not come back"


if __name__ == "__main__":
    main()
