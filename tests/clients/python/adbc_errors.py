"""Errors through ADBC: their classes and texts, and what Mica does not do.

Argument: the URL of a server of examples/c360. Fails by raising; prints "ok" at the end.
"""

import sys

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
from checks import expect, raises, run

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")
CONNECTION = dbapi.connect(URI, autocommit=True)


def answer(sql):
    with CONNECTION.cursor() as cursor:
        return cursor.execute(sql).fetchall()


def errors_have_their_class_and_say_what_is_wrong():
    for status, sql, text in [
        ("INVALID_ARGUMENT", "SELEC 1", "syntax error at line 1, column 1"),
        ("INVALID_ARGUMENT", "SELECT (1", "syntax error at line 1, column"),
        ("INVALID_ARGUMENT", "-- nothing", "holds no statement"),
        ("INVALID_ARGUMENT", "SELECT 1; SELECT 2", "one by one"),
        ("INVALID_ARGUMENT", "SELECT nothing FROM customers_raw", "nothing"),
        ("INVALID_ARGUMENT", "SELECT nothing(1)", "nothing"),
        ("INVALID_ARGUMENT", "SELECT 1 / (value - 2) FROM range(3)", "zero"),
        ("INVALID_ARGUMENT", "SELECT CAST(s AS INT) FROM (VALUES ('x')) t(s)", "'x'"),
        ("NOT_FOUND", "SELECT * FROM nothing", "'default.nothing' does not exist"),
        ("NOT_FOUND", "SELECT * FROM nowhere.nothing", "schema 'nowhere' does not exist"),
        ("NOT_FOUND", "DROP VIEW nothing", "'default.nothing' does not exist"),
        ("ALREADY_EXISTS", "CREATE VIEW customers_raw AS SELECT 1", "customers_raw' already"),
        ("NOT_IMPLEMENTED", "CREATE TABLE t (a INT)", "is not supported"),
        ("NOT_IMPLEMENTED", "CREATE TABLE t AS SELECT 1 AS a", "is not supported"),
        ("NOT_IMPLEMENTED", "INSERT INTO customers_raw VALUES (1)", "INSERT is not supported"),
        ("NOT_IMPLEMENTED", "UPDATE customers_raw SET city = ''", "UPDATE is not supported"),
        ("NOT_IMPLEMENTED", "DELETE FROM customers_raw", "DELETE is not supported"),
    ]:
        unsupported = status == "NOT_IMPLEMENTED"
        kind = dbapi.NotSupportedError if unsupported else dbapi.ProgrammingError
        with raises(kind, f"{status}: [FlightSQL] ", text):
            answer(sql)
    with CONNECTION.cursor() as cursor:
        for _ in range(2):
            with raises(dbapi.ProgrammingError):
                cursor.execute("SELECT 1 / 0").fetchall()
            expect(cursor.execute("SELECT 1;").fetchall(), [(1,)])


def ingestion_and_substrait_are_refused():
    table = pa.table({"a": [1, 2], "b": ["x", None]})
    with CONNECTION.cursor() as cursor:
        for options in [
            *({"mode": mode} for mode in ("create", "append", "replace", "create_append")),
            {"temporary": True},
            {"catalog_name": "mica", "db_schema_name": "default"},
        ]:
            for data in (table, table.to_batches()[0], table.to_reader()):
                with raises(dbapi.NotSupportedError, "ingestion", "is not supported"):
                    cursor.adbc_ingest("adbc_driver_ingested", data, **options)
        expect(cursor.execute("SELECT 1").fetchall(), [(1,)])
    with raises(dbapi.NotSupportedError, "Substrait", "is not supported"):
        answer(b"\x0a\x00")


run(
    errors_have_their_class_and_say_what_is_wrong,
    ingestion_and_substrait_are_refused,
    CONNECTION.close,
)
