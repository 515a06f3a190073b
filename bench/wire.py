#!/usr/bin/env python3
"""What the wire costs: bulk results and small answers beside a server that does nothing else.

    bench/wire.py target/release/mica lineitem.parquet [--rounds 5] [--requests 1000]

Needs pyarrow, adbc-driver-flightsql, psutil, cryptography; lineitem of TPC-H SF1 comes from
`tpchgen-cli parquet -s 1 --tables lineitem`. Prints a table: the *floor* is pyarrow's Flight server
that sends the same table from memory, or one row, for the same two RPCs. Rounds take turns, so that
both see the same minutes; the table has medians.
"""

import argparse
import datetime
import ipaddress
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import adbc_driver_flightsql
import adbc_driver_manager
import psutil
import pyarrow
import pyarrow.flight as flight
import pyarrow.parquet

from flight_sql import statement

ROOT = pathlib.Path(__file__).resolve().parent.parent
BULK = "SELECT * FROM lineitem"
LAYERS = "SELECT * FROM customer_analytics_c360 ORDER BY customer_id"


def floor(location, rows, files):
    """Serves the tables of the Parquet files, each from memory, in batches of so many rows."""
    tables = []
    for file in files:
        table = pyarrow.parquet.read_table(file).combine_chunks()
        plain = [f.with_type(pyarrow.string()) if f.type == pyarrow.string_view() else f for f in table.schema]
        table = table.cast(pyarrow.schema(plain))
        tables.append(pyarrow.Table.from_batches(table.to_batches(max_chunksize=rows)))

    class Server(flight.FlightServerBase):
        def get_flight_info(self, context, descriptor):
            if b"GetSqlInfo" in descriptor.command:
                raise flight.FlightUnimplementedError("")
            place = int("lineitem" not in descriptor.command.decode("latin1"))
            endpoint = flight.FlightEndpoint(str(place).encode(), [])
            return flight.FlightInfo(tables[place].schema, descriptor, [endpoint], -1, -1)

        def do_get(self, context, ticket):
            return flight.RecordBatchStream(tables[int(ticket.ticket)])

    server = Server(location)
    print(f"ready at grpc://127.0.0.1:{server.port}", flush=True)
    server.serve()


class Process:
    """A server that says where it is ready."""

    def __init__(self, command):
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = next(line for line in self.child.stdout if "ready at " in line)
        self.uri = line.split("ready at ")[1].strip()
        self.stats = psutil.Process(self.child.pid)

    def cpu(self):
        times = self.stats.cpu_times()
        return times.user + times.system

    def memory(self):
        return self.stats.memory_info().rss / 1e6

    def stop(self):
        self.child.kill()
        self.child.wait()


class Pyarrow:
    def __init__(self, uri, **options):
        self.client = flight.connect(uri, **options)

    def stream(self, sql):
        info = self.client.get_flight_info(flight.FlightDescriptor.for_command(statement(sql)))
        return self.client.do_get(info.endpoints[0].ticket).to_reader()

    def table(self, sql):
        return self.stream(sql).read_all()


class Adbc:
    # The floor's batches are larger than the driver takes by default; Mica's are not.
    LIMIT = {"adbc.flight.sql.client_option.with_max_msg_size": str(64 << 20)}

    def __init__(self, uri, options=None):
        self.database = adbc_driver_flightsql.connect(uri, self.LIMIT | (options or {}))
        self.connection = adbc_driver_manager.AdbcConnection(self.database)

    def stream(self, sql):
        statement = adbc_driver_manager.AdbcStatement(self.connection)
        statement.set_sql_query(sql)
        stream, _ = statement.execute_query()
        return pyarrow.RecordBatchReader._import_from_c(stream.address)

    def table(self, sql):
        return self.stream(sql).read_all()


def seconds(work):
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def bulk(client, server):
    """Rows per second, the server's seconds of CPU, bytes of Arrow."""
    cpu = server.cpu()
    took, table = seconds(lambda: client.table(BULK))
    return table.num_rows / took, server.cpu() - cpu, table.nbytes


def first(client):
    """Seconds to the first batch, and to the last when each is dropped."""
    started = time.perf_counter()
    reader = client.stream(BULK)
    reader.read_next_batch()
    to_first = time.perf_counter() - started
    for _ in reader:
        pass
    return to_first


def slow(client, server):
    """The server's memory while its client takes a batch now and then."""
    reader = client.stream(BULK)
    peak = 0
    for _ in range(40):
        reader.read_next_batch()
        time.sleep(0.05)
        peak = max(peak, server.memory())
    return peak


def latencies(client, sql, requests):
    for _ in range(20):
        client.table(sql)
    took = sorted(seconds(lambda: client.table(sql))[0] * 1e3 for _ in range(requests))
    return took[len(took) // 2], took[len(took) * 99 // 100]


def unseen(client, requests):
    """As `latencies` of the layers, with a text that is new each time."""
    texts = (f"{LAYERS} -- {n} {time.time()}" for n in range(requests))
    took = sorted(seconds(lambda: client.table(sql))[0] * 1e3 for sql in texts)
    return took[len(took) // 2], took[len(took) * 99 // 100]


def certificate(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )


class Results:
    def __init__(self):
        self.values = {}

    def add(self, what, who, value):
        self.values.setdefault(what, {}).setdefault(who, []).append(value)

    def show(self):
        print("| what | floor | Mica | Mica / floor |\n|---|---:|---:|---:|")
        for what, values in self.values.items():
            floor, mica = (statistics.median(values[who]) if who in values else None for who in ("floor", "mica"))
            number = lambda value: "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
            ratio = f"{mica / floor:.2f}" if floor and mica else ""
            print(f"| {what} | {number(floor)} | {number(mica)} | {ratio} |")


def measure_bulk(results, servers, rounds):
    for kind, client in (("pyarrow", Pyarrow), ("ADBC", Adbc)):
        clients = {who: client(server.uri) for who, server in servers.items()}
        for turn in range(rounds + 1):
            for who, server in servers.items():
                rows, cpu, size = bulk(clients[who], server)
                to_first = first(clients[who])
                if turn == 0:
                    continue  # warms both
                results.add(f"lineitem, {kind}, rows/s", who, rows)
                results.add(f"lineitem, {kind}, server CPU s", who, cpu)
                results.add(f"lineitem, {kind}, Arrow MB", who, size / 1e6)
                results.add(f"lineitem, {kind}, first batch ms", who, to_first * 1e3)
    for who, server in servers.items():
        results.add("server memory beside a slow client, MB", who, slow(Pyarrow(server.uri), server))


def measure_latency(results, servers, rounds, requests):
    for kind, client in (("pyarrow", Pyarrow), ("ADBC", Adbc)):
        clients = {who: client(server.uri) for who, server in servers.items()}
        for _ in range(rounds):
            for who in servers:
                p50, p99 = latencies(clients[who], "SELECT 1", requests)
                results.add(f"`SELECT 1`, {kind}, p50 ms", who, p50)
                results.add(f"`SELECT 1`, {kind}, p99 ms", who, p99)
        for what, work in (
            ("five layers, text seen before", lambda: latencies(clients["mica"], LAYERS, requests // 4)),
            ("five layers, text new", lambda: unseen(clients["mica"], requests // 4)),
        ):
            p50, p99 = work()
            results.add(f"{what}, {kind}, p50 ms", "mica", p50)
            results.add(f"{what}, {kind}, p99 ms", "mica", p99)


def measure_tls(results, binary, folder, lineitem, rounds):
    certificate(folder)
    keys = ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]
    server = serve(binary, folder / "tls", lineitem, keys)
    authority = (folder / "cert.pem").read_text()
    for kind, client in (
        ("pyarrow", Pyarrow(server.uri, tls_root_certs=authority)),
        ("ADBC", Adbc(server.uri, {"adbc.flight.sql.client_option.tls_root_certs": authority})),
    ):
        client.table(f"CREATE OR REPLACE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION '{lineitem}'")
        bulk(client, server)
        for _ in range(rounds):
            rows, cpu, _ = bulk(client, server)
            results.add(f"lineitem over TLS, {kind}, rows/s", "mica", rows)
            results.add(f"lineitem over TLS, {kind}, server CPU s", "mica", cpu)
    server.stop()


def serve(binary, warehouse, lineitem, options=()):
    places = ["--warehouse", str(warehouse), "--data-root", str(lineitem.parent), "--listen", "127.0.0.1:0"]
    return Process([binary, "serve", str(ROOT / "examples/c360"), *places, *options])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("lineitem", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=65536, help="rows in a batch of the floor's")
    parser.add_argument("--only", choices=["bulk", "latency", "tls"])
    options = parser.parse_args()
    lineitem, results = options.lineitem.resolve(), Results()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        pyarrow.parquet.write_table(pyarrow.table({"x": [1]}), folder / "one.parquet")
        raw = [sys.executable, __file__, "--floor", str(options.rows), str(lineitem), str(folder / "one.parquet")]
        servers = {"floor": Process(raw), "mica": serve(options.binary, folder / "plain", lineitem)}
        Pyarrow(servers["mica"].uri).table(f"CREATE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION '{lineitem}'")
        if options.only in (None, "latency"):
            measure_latency(results, servers, options.rounds, options.requests)
        if options.only in (None, "bulk"):
            measure_bulk(results, servers, options.rounds)
        for server in servers.values():
            server.stop()
        if options.only in (None, "tls"):
            measure_tls(results, options.binary, folder, lineitem, options.rounds)
    results.show()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--floor"]:
        floor("grpc://127.0.0.1:0", int(sys.argv[2]), sys.argv[3:])
    else:
        main()
