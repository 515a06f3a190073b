"""Incremental execution through ADBC: the driver polls, and tells how far the query is.

Argument: the URL of a server of examples/c360. Fails by raising; prints "ok" at the end.
"""

import sys
import threading

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager as manager
import pyarrow.flight as flight
from checks import expect, raises, run, until

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")
INCREMENTAL = {manager.StatementOptions.INCREMENTAL.value: "true"}
PROGRESS = manager.StatementOptions.PROGRESS.value
ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.value * b.value = 13"
LONG = "SELECT count(*) FROM range(3000) a, range(4000) b WHERE a.value * b.value % 7 = 1"


def answer(connection, sql):
    with connection.cursor() as cursor:
        return cursor.execute(sql).fetchall()


def running(connection):
    """Id and progress of the endless query."""
    return [(row[0], row[6]) for row in answer(connection, "SHOW QUERIES") if row[5] == ENDLESS]


def results_are_those_of_a_query_that_is_not_polled():
    with dbapi.connect(URI, autocommit=True) as connection:
        for sql in (
            LONG,
            "SELECT customer_id, total_spent FROM customer_analytics_c360 ORDER BY customer_id",
            "SELECT value, 'x' AS s FROM range(100000) ORDER BY value",
        ):
            with connection.cursor(adbc_stmt_kwargs=INCREMENTAL) as cursor:
                (partition,), schema = cursor.adbc_execute_partitions(sql)
                info = flight.FlightInfo.deserialize(partition)
                expect(cursor.adbc_execute_partitions(sql)[0], [])
            with connection.cursor() as asked, connection.cursor() as reader:
                table = asked.execute(sql).fetch_arrow_table()
                expect((info.schema, info.total_records), (table.schema, len(table)))
                for _ in range(2):
                    reader.adbc_read_partition(partition)
                    assert reader.fetch_arrow_table().equals(table, check_metadata=True)
                assert schema.equals(table.schema, check_metadata=True)


def parameters_are_bound():
    sql = "SELECT value FROM range(5) WHERE value > ? ORDER BY value"
    with dbapi.connect(URI, autocommit=True) as connection:
        with connection.cursor(adbc_stmt_kwargs=INCREMENTAL) as cursor:
            (partition,), _ = cursor.adbc_execute_partitions(sql, (2,))
            with connection.cursor() as reader:
                reader.adbc_read_partition(partition)
                expect(reader.fetchall(), [(3,), (4,)])


def changes_are_made_once():
    create = "CREATE VIEW adbc_polling_v AS SELECT 1 AS one"
    with dbapi.connect(URI, autocommit=True) as connection:
        with manager.AdbcStatement(connection.adbc_connection) as statement:
            statement.set_options(**INCREMENTAL)
            statement.set_sql_query(create)
            expect([len(statement.execute_partitions()[0]) for _ in range(2)], [1, 0])
            with raises(dbapi.ProgrammingError, "ALREADY_EXISTS"):
                statement.execute_partitions()
        answer(connection, "DROP VIEW adbc_polling_v")


def progress_is_told_until_the_query_is_killed():
    with dbapi.connect(URI, autocommit=True) as connection, dbapi.connect(
        URI, autocommit=True
    ) as watcher, connection.cursor(adbc_stmt_kwargs=INCREMENTAL) as cursor:
        failed = []

        def execute():
            try:
                cursor.adbc_execute_partitions(ENDLESS)
            except dbapi.Error as error:
                failed.append(error)

        thread = threading.Thread(target=execute)
        thread.start()
        statement = cursor.adbc_statement
        until(lambda: 0.0 < statement.get_option_float(PROGRESS) < 1.0)
        told = statement.get_option_float(PROGRESS)
        ((ident, listed),) = running(watcher)
        # SHOW QUERIES rounds.
        assert told - 0.001 <= listed < 1.0, (told, listed)
        last = adbc_driver_flightsql.StatementOptions.LAST_FLIGHT_INFO.value
        info = flight.FlightInfo.deserialize(statement.get_option_bytes(last))
        expect((info.endpoints, info.schema.types), ([], [info.schema.field(0).type]))
        answer(watcher, f"KILL '{ident}'")
        thread.join()
        assert "CANCELLED" in str(failed[0]), failed
        until(lambda: not running(watcher))


run(
    results_are_those_of_a_query_that_is_not_polled,
    parameters_are_bound,
    changes_are_made_once,
    progress_is_told_until_the_query_is_killed,
)
