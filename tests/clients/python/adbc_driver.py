"""Running statements through ADBC: schemas, partitions in another process, polling, cancelling,
changes, large and concurrent results.

Argument: the URL of a server of examples/c360. Fails by raising; prints "ok" at the end.
"""

import base64
import contextlib
import subprocess
import sys
import threading
import time

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager as manager
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as flight
from checks import expect, raises, run, until

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")
CONNECTION = dbapi.connect(URI, autocommit=True)
ENDLESS = (
    "SELECT count(*) FROM range(10000000) a CROSS JOIN range(10000000) b "
    "WHERE a.value * b.value = 7"
)
INCREMENTAL = {manager.StatementOptions.INCREMENTAL.value: "true"}


def answer(sql, parameters=None, connection=CONNECTION):
    with connection.cursor() as cursor:
        return cursor.execute(sql, parameters).fetchall()


@contextlib.contextmanager
def view(name, query):
    answer(f"CREATE OR REPLACE VIEW {name} AS {query}")
    yield
    answer(f"DROP VIEW {name}")


def schemas_without_running():
    for sql in ("SELECT 1 AS a, 'x' AS b, CAST(1 AS DECIMAL(10,2)) AS c", "SHOW TABLES"):
        with CONNECTION.cursor() as cursor, manager.AdbcStatement(
            CONNECTION.adbc_connection
        ) as plain:
            prepared = cursor.adbc_execute_schema(sql)
            cursor.execute(sql)
            rows = cursor.fetch_record_batch().schema
            plain.set_sql_query(sql)
            handle = plain.execute_schema()
            unprepared = pa.Schema._import_from_c(handle.address)
            assert rows.equals(prepared, check_metadata=True), (rows, prepared)
            assert rows.equals(unprepared, check_metadata=True), (rows, unprepared)
    with CONNECTION.cursor() as cursor:
        expect(cursor.adbc_execute_schema("SELECT 1 / 0 AS a, ? + 1 AS b").types, [pa.int64()] * 2)
        expect(cursor.adbc_execute_schema(ENDLESS).types, [pa.int64()])
        with raises(dbapi.ProgrammingError, "syntax error at line 1, column 1"):
            cursor.adbc_execute_schema("SELEC 1")
    # A change has no schema, and asking for it changes nothing. The driver makes an error of it if
    # the statement is prepared.
    change = "CREATE VIEW adbc_driver_never AS SELECT 1 AS one"
    with manager.AdbcStatement(CONNECTION.adbc_connection) as plain:
        plain.set_sql_query(change)
        handle = plain.execute_schema()
        expect(pa.Schema._import_from_c(handle.address), pa.schema([]))
    with CONNECTION.cursor() as cursor:
        with raises(dbapi.NotSupportedError, "did not provide schema"):
            cursor.adbc_execute_schema(change)
    with raises(dbapi.ProgrammingError, "does not exist"):
        answer("SELECT * FROM adbc_driver_never")


def partitions_are_read_in_another_process():
    with CONNECTION.cursor() as cursor:
        sql = "SELECT value, 'x' AS s FROM range(5) WHERE value > ? ORDER BY value"
        (partition,), schema = cursor.adbc_execute_partitions(sql, (2,))
        expect((schema.names, schema.types), (["value", "s"], [pa.int64(), pa.string()]))
        expect(cursor.rowcount, -1)
    # The cursor that made it is closed, and the statement with it.
    reader = [sys.executable, __file__, sys.argv[1], base64.b64encode(partition)]
    for _ in range(2):
        read = subprocess.run(reader, check=True, capture_output=True, text=True)
        expect(read.stdout, "[(3, 'x'), (4, 'x')]\n")
    with CONNECTION.cursor() as cursor:
        (empty,), schema = cursor.adbc_execute_partitions("SELECT 1 AS a WHERE false")
        cursor.adbc_read_partition(empty)
        expect((cursor.fetch_record_batch().schema, cursor.fetchall()), (schema, []))
        changed = partition.replace(b"value > ?", b"value < ?")
        assert changed != partition
        with raises(dbapi.ProgrammingError, "not one of this server's"):
            cursor.adbc_read_partition(changed)
            cursor.fetchall()


def read_partition(partition):
    with CONNECTION.cursor() as cursor:
        cursor.adbc_read_partition(partition)
        print(cursor.fetchall())
    CONNECTION.close()


def partitions_come_by_polling():
    sql = "SELECT value FROM range(3)"
    with CONNECTION.cursor(adbc_stmt_kwargs=INCREMENTAL) as cursor, CONNECTION.cursor() as reader:
        for _ in range(2):
            (partition,), schema = cursor.adbc_execute_partitions(sql)
            expect(schema.types, [pa.int64()])
            progress = cursor.adbc_statement.get_option_float("adbc.statement.exec.progress")
            expect(progress, 1.0)
            last = adbc_driver_flightsql.StatementOptions.LAST_FLIGHT_INFO.value
            info = flight.FlightInfo.deserialize(cursor.adbc_statement.get_option_bytes(last))
            expect((info.schema, len(info.endpoints)), (schema, 1))
            # No more partitions: the end, after which it can run again.
            expect(cursor.adbc_execute_partitions(sql)[0], [])
            reader.adbc_read_partition(partition)
            expect(reader.fetchall(), [(0,), (1,), (2,)])
    with manager.AdbcStatement(CONNECTION.adbc_connection) as plain:
        plain.set_options(**INCREMENTAL)
        plain.set_sql_query(sql)
        expect([len(plain.execute_partitions()[0]) for _ in range(4)], [1, 0, 1, 0])
        plain.set_sql_query("SELEC 1")
        with raises(dbapi.ProgrammingError, "syntax error"):
            plain.execute_partitions()


def running(connection):
    return [row[2] for row in answer("SHOW QUERIES", None, connection) if row[5] == ENDLESS]


def cancelling_ends_the_query_and_not_the_connection():
    with dbapi.connect(URI, autocommit=True) as watcher, dbapi.connect(
        URI, autocommit=True
    ) as other:
        with other.cursor() as cursor:
            for _ in range(2):
                cursor.execute(ENDLESS)
                until(lambda: running(watcher) == ["running"])
                timer = threading.Timer(0.2, cursor.adbc_cancel)
                timer.start()
                started = time.monotonic()
                with raises(dbapi.OperationalError, "CANCELLED"):
                    cursor.fetchall()
                timer.join()
                assert time.monotonic() - started < 10
                until(lambda: not running(watcher))
                expect(cursor.execute("SELECT 1").fetchall(), [(1,)])
            cursor.execute(ENDLESS)
            until(lambda: running(watcher))
        # A cursor that is closed unread ends its query, too.
        until(lambda: not running(watcher))
        with other.cursor() as cursor:
            cursor.execute(ENDLESS)
            until(lambda: running(watcher))
            (ident,) = [
                row[0] for row in answer("SHOW QUERIES", None, watcher) if row[5] == ENDLESS
            ]
            answer(f"KILL '{ident}'", None, watcher)
            with raises(dbapi.OperationalError, "CANCELLED", "the query was cancelled"):
                cursor.fetchall()
        expect(answer("SELECT 1", None, other), [(1,)])


def changes_are_made_once():
    with CONNECTION.cursor() as cursor:
        cursor.execute("CREATE VIEW adbc_driver_v AS SELECT 1 AS a")
        expect(cursor.rowcount, 0)
        cursor.fetchall()
        with raises(dbapi.ProgrammingError, "ALREADY_EXISTS", "adbc_driver_v' already exists"):
            cursor.execute("CREATE VIEW adbc_driver_v AS SELECT 2 AS a")
        expect(cursor.execute("SELECT * FROM adbc_driver_v").fetchall(), [(1,)])
        cursor.executescript("CREATE OR REPLACE VIEW adbc_driver_v AS SELECT 'x' AS b, 2 AS c")
        expect(cursor.execute("SELECT * FROM adbc_driver_v").fetchall(), [("x", 2)])
        cursor.executemany("CREATE OR REPLACE VIEW adbc_driver_v AS SELECT 3 AS d", None)
        expect((cursor.rowcount, answer("SELECT * FROM adbc_driver_v")), (0, [(3,)]))
        with raises(dbapi.ProgrammingError, "send them one by one"):
            cursor.executescript("DROP VIEW adbc_driver_v; SELECT 1")
        with raises(dbapi.ProgrammingError, "run it as a query"):
            cursor.executescript("SELECT 1")
        expect(answer("SELECT * FROM adbc_driver_v"), [(3,)])
        (partition,), schema = cursor.adbc_execute_partitions("DROP VIEW adbc_driver_v")
        expect(len(schema), 0)
        # Reading the outcome of a change does not repeat it.
        for _ in range(2):
            cursor.adbc_read_partition(partition)
            expect(cursor.fetchall(), [])
        with raises(dbapi.ProgrammingError, "does not exist"):
            cursor.execute("DROP VIEW adbc_driver_v")
        cursor.execute("DROP VIEW IF EXISTS adbc_driver_v")


def a_cursor_is_used_again():
    with CONNECTION.cursor() as cursor:
        with view("adbc_driver_again", "SELECT 1 AS a"):
            expect(cursor.execute("SELECT * FROM adbc_driver_again").fetchall(), [(1,)])
            # The same text on the same handle: what it means now, not when it was prepared.
            answer("CREATE OR REPLACE VIEW adbc_driver_again AS SELECT 'x' AS a, 2 AS b")
            expect(cursor.execute("SELECT * FROM adbc_driver_again").fetchall(), [("x", 2)])
        with raises(dbapi.ProgrammingError, "does not exist"):
            cursor.execute("SELECT * FROM adbc_driver_again")
        # A result that is left unread is in nobody's way.
        expect(cursor.execute("SELECT value FROM range(1000000)").fetchone(), (0,))
        expect(cursor.execute('SELECT 1 AS a, 2 AS a, 3 AS ""').fetchall(), [(1, 2, 3)])
        expect([column[0] for column in cursor.description], ["a", "a", ""])
        expect(cursor.rowcount, -1)


def a_large_result_comes_in_batches():
    with CONNECTION.cursor() as cursor:
        cursor.execute("SELECT value, concat('row ', value) AS s FROM range(2000000)")
        rows = total = batches = 0
        for batch in cursor.fetch_record_batch():
            rows, batches = rows + batch.num_rows, batches + 1
            total += pc.sum(batch["value"]).as_py()
            assert batch.nbytes < 16 << 20, batch.nbytes
            expect(batch["s"][-1].as_py(), f"row {batch['value'][-1]}")
        expect((rows, total), (2_000_000, 1_999_999 * 1_000_000))
        assert batches > 10, batches
        text = cursor.execute("SELECT repeat('x', 10000000)").fetchone()[0]
        expect(len(text), 10_000_000)


def cursors_run_beside_each_other():
    cursors = [CONNECTION.cursor() for _ in range(8)]
    for i, cursor in enumerate(cursors):
        cursor.execute(f"SELECT value + {i} FROM range(20000)")
    for row in range(3):
        expect([cursor.fetchone()[0] for cursor in cursors], list(range(row, row + 8)))
    for cursor in reversed(cursors):
        expect(len(cursor.fetchall()), 19_997)
        cursor.close()
    sums = []
    sql = "SELECT sum(value) FROM range(1000000)"
    threads = [threading.Thread(target=lambda: sums.extend(answer(sql))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(sums, [(999_999 * 500_000,)] * 16)


if len(sys.argv) > 2:
    read_partition(base64.b64decode(sys.argv[2]))
else:
    run(
        schemas_without_running,
        partitions_are_read_in_another_process,
        partitions_come_by_polling,
        cancelling_ends_the_query_and_not_the_connection,
        changes_are_made_once,
        a_cursor_is_used_again,
        a_large_result_comes_in_batches,
        cursors_run_beside_each_other,
        CONNECTION.close,
    )
