#!/usr/bin/env python3
"""Measures a catalog of 10 000 views, a chain of 100 and diamonds of joins. Prints a Markdown table.

    bench/scale.py target/release/mica [--views 10000] [--repeat 5]

Needs pyarrow and psutil. Everything is generated below a temporary folder. Each text that is timed is new to the
server, so no plan is reused.
"""
import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import psutil
import pyarrow
import pyarrow.flight as flight

import flight_sql
from flight_sql import field

FILES, ROWS, COLUMNS, LAYERS = 20, 1000, 10, 5


# --- generation -----------------------------------------------------------------------------------


def source_value(file, row, column):
    """The value in a CSV file, and so the ground of every expected answer."""
    return (file * 31 + row * 7 + column * 3) % 1000


def write_sources(folder):
    """CSV files and the statements that declare them."""
    os.makedirs(f"{folder}/sources")
    names = ", ".join(f"c{c} BIGINT" for c in range(COLUMNS))
    for file in range(FILES):
        with open(f"{folder}/s{file}.csv", "w") as csv:
            csv.write("id," + ",".join(f"c{c}" for c in range(COLUMNS)) + "\n")
            for row in range(ROWS):
                values = (str(source_value(file, row, c)) for c in range(COLUMNS))
                csv.write(f"{row}," + ",".join(values) + "\n")
        with open(f"{folder}/sources/s{file}.sql", "w") as sql:
            sql.write(
                f"CREATE EXTERNAL TABLE s{file} (id BIGINT, {names}) STORED AS CSV LOCATION 's{file}.csv'"
                " OPTIONS ('format.has_header' 'true');\n"
            )


def view_text(name, left, right, extra=0):
    """A view of 11 columns over two relations; `extra` makes another text of it."""
    columns = ", ".join(f"a.c{c} + b.c{c} - {extra} AS c{c}" for c in range(COLUMNS))
    return f"CREATE OR REPLACE VIEW {name} AS SELECT a.id, {columns} FROM {left} a JOIN {right} b ON a.id = b.id;\n"


def write_views(folder, views):
    """Five layers of views; returns what each reads, by name."""
    chance = random.Random(55)
    reads, below = {}, [f"s{file}" for file in range(FILES)]
    for layer in range(1, LAYERS + 1):
        os.makedirs(f"{folder}/l{layer}")
        names = [f"v{layer}_{n}" for n in range(views // LAYERS)]
        for name in names:
            reads[name] = chance.sample(below, 2)
            with open(f"{folder}/l{layer}/{name}.sql", "w") as sql:
                sql.write(view_text(name, *reads[name]))
        below = names
    with open(f"{folder}/mica.toml", "w") as toml:
        layers = ["sources"] + [f"l{layer}" for layer in range(1, LAYERS + 1)]
        toml.write(f"layers = {layers}\n".replace("'", '"'))
    return reads


def expected(reads, name, row, column):
    """The value of a view's column, worked out from the files."""
    if name.startswith("s"):
        return source_value(int(name[1:]), row, column)
    return sum(expected(reads, below, row, column) for below in reads[name])


# --- a server and a client ------------------------------------------------------------------------


class Server:
    def __init__(self, mica, *arguments):
        command = [mica, "serve", "--listen", "127.0.0.1:0", *arguments]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.startswith("Flight SQL ready at "):
                self.url = line.split()[-1]
                return
        sys.exit("the server did not start")

    def rss_mb(self):
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def stop(self):
        self.process.terminate()
        self.process.wait()


def command(name, body):
    return flight.FlightDescriptor.for_command(flight_sql.command(name, body))


def query(sql):
    return command("CommandStatementQuery", field(1, sql.encode()))


def ms(since):
    return (time.perf_counter() - since) * 1e3


# --- measurements ---------------------------------------------------------------------------------


def run(*arguments):
    start = time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{arguments}: {done.stderr[-500:]}")
    return ms(start) / 1e3


def measure_catalog(mica, views, repeat, report):
    with tempfile.TemporaryDirectory() as folder:
        project = f"{folder}/project"
        write_sources(project)
        reads = write_views(project, views)
        applies, again, starts, tables, memory = [], [], [], [], []
        for n in range(repeat):
            warehouse = f"{folder}/warehouse{n}"
            applies.append(run(mica, "apply", project, "--warehouse", warehouse))
        changed = f"v2_{views // LAYERS // 2}"
        for n in range(repeat):
            with open(f"{project}/l2/{changed}.sql", "w") as sql:
                sql.write(view_text(changed, *reads[changed], extra=0 if n % 2 else 1))
            again.append(run(mica, "apply", project, "--warehouse", warehouse))
        with open(f"{project}/l2/{changed}.sql", "w") as sql:
            sql.write(view_text(changed, *reads[changed]))
        run(mica, "apply", project, "--warehouse", warehouse)
        top = f"v{LAYERS}_{views // LAYERS - 1}"
        answer = [expected(reads, top, 7, c) for c in range(COLUMNS)]
        for n in range(repeat):
            server = Server(mica, "--warehouse", warehouse, "--data-root", project)
            client = flight.connect(server.url)
            text = f"SELECT * FROM {top} WHERE id = 7 AND {n} = {n}"
            info = client.get_flight_info(query(text))
            rows = client.do_get(info.endpoints[0].ticket).read_all().to_pylist()
            starts.append(ms(server.started))
            assert [list(row.values())[1:] for row in rows] == [answer], rows
            filters = field(2, b"def%") + field(3, f"v3_{n}%".encode())
            for _ in range(5):
                start = time.perf_counter()
                info = client.get_flight_info(command("CommandGetTables", filters))
                found = client.do_get(info.endpoints[0].ticket).read_all()
                tables.append(ms(start))
            assert found.num_rows > 0
            memory.append(server.rss_mb())
            server.stop()
    report(f"`mica apply` of {views} views", applies, "s", 10)
    report("`mica apply` after one view changed", again, "s", 0.5)
    report("start to the checked answer of a layer-5 view", starts, "ms", 1000)
    report("GetTables of one schema pattern", tables, "ms", 30)
    report("resident memory after these", memory, "MB", 250)


def measure_stacks(mica, repeat, report):
    with tempfile.TemporaryDirectory() as folder:
        write_sources(folder)
        os.makedirs(f"{folder}/views")
        columns = ", ".join(f"c{c}" for c in range(1, COLUMNS))
        with open(f"{folder}/views/stacks.sql", "w") as sql:
            sql.write("CREATE VIEW chain0 AS SELECT * FROM s0;\n")
            for n in range(1, 100):
                sql.write(f"CREATE VIEW chain{n} AS SELECT id, c0 + 1 AS c0, {columns} FROM chain{n - 1};\n")
            sql.write("CREATE VIEW diamond0 AS SELECT id, c0 FROM s0;\n")
            for n in range(1, 17):
                below = f"diamond{n - 1}"
                sql.write(
                    f"CREATE VIEW diamond{n} AS SELECT a.id, a.c0 + b.c0 AS c0 FROM {below} a"
                    f" JOIN {below} b ON a.id = b.id;\n"
                )
        run(mica, "apply", folder, "--warehouse", f"{folder}/warehouse")
        server = Server(mica, "--warehouse", f"{folder}/warehouse", "--data-root", folder)
        client = flight.connect(server.url)
        infos, firsts, computed = [], [], []
        for n in range(repeat * 4):
            start = time.perf_counter()
            info = client.get_flight_info(query(f"SELECT * FROM chain99 WHERE id = 7 AND {n} = {n}"))
            infos.append(ms(start))
            start = time.perf_counter()
            row = client.do_get(info.endpoints[0].ticket).read_chunk().data
            firsts.append(ms(start))
            assert row.num_rows == 1 and row["c0"][0].as_py() == source_value(0, 7, 0) + 99
        for n in range(repeat):
            wanted = source_value(0, 7, 0) + 99
            text = f"SELECT * FROM chain99 WHERE c0 = {wanted} AND {n} = {n}"
            info = client.get_flight_info(query(text))
            start = time.perf_counter()
            assert client.do_get(info.endpoints[0].ticket).read_chunk().data.num_rows >= 1
            computed.append(ms(start))
        diamonds, refused = [], []
        for n in range(repeat):
            start = time.perf_counter()
            info = client.get_flight_info(query(f"SELECT sum(c0) AS s FROM diamond6 WHERE {n} = {n}"))
            total = client.do_get(info.endpoints[0].ticket).read_all()
            diamonds.append(ms(start))
            assert total["s"][0].as_py() == 64 * sum(source_value(0, row, 0) for row in range(ROWS))
            start = time.perf_counter()
            try:
                client.get_flight_info(query(f"SELECT sum(c0) AS s FROM diamond16 WHERE {n} = {n}"))
                sys.exit("a diamond of depth 16 was not refused")
            except pyarrow.ArrowException as error:
                assert "--max-plan-nodes" in str(error), error
            refused.append(ms(start))
        server.stop()
    report("chain of 100 views: GetFlightInfo", infos, "ms", 20)
    report("chain of 100 views: DoGet to the first row", firsts, "ms", 300)
    report("the same, filtered by what all 100 views compute", computed, "ms", None)
    report("diamond of self-joins, depth 6: answer", diamonds, "ms", 300)
    report("diamond of self-joins, depth 16: refused", refused, "ms", 100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mica")
    parser.add_argument("--views", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    mica = os.path.abspath(arguments.mica)
    print("| what | median | best | worst | target |\n|---|---:|---:|---:|---:|")

    def report(what, values, unit, target):
        median = statistics.median(values)
        low, high = min(values), max(values)
        limit = f"< {target} {unit}" if target else ""
        print(f"| {what} | {median:.3g} {unit} | {low:.3g} | {high:.3g} | {limit} |", flush=True)

    measure_catalog(mica, arguments.views, arguments.repeat, report)
    measure_stacks(mica, arguments.repeat, report)


if __name__ == "__main__":
    main()
