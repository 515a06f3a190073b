"""PEP 249 over Mica: the PyPI package dbapi-compliance, through ADBC's DBAPI.

The suite runs twice: as it is, to hold the table of what it cannot do; and over views, which stand
for its tables, so that everything else in its tests really runs.

Argument: the URL of a server of examples/c360. Fails by raising; prints "ok" at the end.
"""

import datetime as dt
import decimal
import io
import re
import sys
import unittest
import warnings

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager as manager
import dbapi20
from checks import run

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")

# What fails in the suite as it is: test, what it says, why. All of them, and nothing else.
NO_TABLES = "a managed table (CREATE TABLE without LOCATION) is not supported"
FAILS = {
    # Mica has no tables that can be written to yet; these make one first.
    "test_None": (NO_TABLES, "tables"),
    "test_cursor_isolation": (NO_TABLES, "tables"),
    "test_description": (NO_TABLES, "tables"),
    "test_execute": (NO_TABLES, "tables"),
    "test_executemany": (NO_TABLES, "tables"),
    "test_fetchall": (NO_TABLES, "tables"),
    "test_fetchmany": (NO_TABLES, "tables"),
    "test_fetchone": (NO_TABLES, "tables"),
    "test_mixedfetch": (NO_TABLES, "tables"),
    "test_rowcount": (NO_TABLES, "tables"),
    "test_setinputsizes": (NO_TABLES, "tables"),
    "test_setoutputsize_basic": (NO_TABLES, "tables"),
    # The driver, whatever the server.
    "test_Binary": ("no attribute 'Binary'", "the driver lacks the constructor Binary"),
    "test_callproc": ("Cursor.callproc", "the driver has no procedures (PEP 249: optional)"),
    "test_close": (
        "not raised by commit",
        "commit() without transactions does nothing, closed or not",
    ),
    "test_non_idempotent_close": ("not raised by close", "close() can be repeated"),
    # The suite: to be overridden.
    "test_nextset": ("need to override", "made for the driver"),
    "test_setoutputsize": ("needed to override", "made for the driver"),
}

# What still fails over views, of the above; the rest passes.
FAILS_OVER_VIEWS = {
    "test_Binary",
    "test_callproc",
    "test_close",
    "test_non_idempotent_close",
}


class AsItIs(dbapi20.DatabaseAPI20Test):
    driver = dbapi
    connect_args = (URI,)


class ViewCursor(dbapi.Cursor):
    """A cursor to which `INSERT INTO t VALUES (..)` makes the view `t` again with one row more."""

    def execute(self, operation, parameters=None):
        insert = re.fullmatch(r"insert into (\w+) values (\(.*\))", operation)
        if insert and parameters is None:
            name, values = insert.groups()
            rows = [*self.connection.rows.get(name, []), values]
            operation = (
                f"CREATE OR REPLACE VIEW {name} ({COLUMNS[name]}) AS VALUES {', '.join(rows)}"
            )
            super().execute(operation)
            self.connection.rows[name] = rows
        else:
            super().execute(operation, parameters)
        # The driver leaves a result without columns behind a statement without rows, where PEP 249
        # wants none: see OverViews.test_the_driver_after_ddl.
        if self.description == []:
            self._clear()
        return self


class ViewConnection(dbapi.Connection):
    """A connection of `ViewCursor`s, with the rows that they inserted."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.rows = {}

    def cursor(self, **options):
        cursor = ViewCursor(self, **options)
        self._cursors.add(cursor)
        return cursor


COLUMNS = {"dbapi20test_booze": "name", "dbapi20test_barflys": "name, drink"}


class OverViews(dbapi20.DatabaseAPI20Test):
    driver = dbapi
    ddl1 = "CREATE VIEW dbapi20test_booze (name) AS SELECT CAST(NULL AS VARCHAR) WHERE false"
    ddl2 = (
        "CREATE VIEW dbapi20test_barflys (name, drink) AS "
        "SELECT CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR) WHERE false"
    )
    xddl1 = "DROP VIEW IF EXISTS dbapi20test_booze"
    xddl2 = "DROP VIEW IF EXISTS dbapi20test_barflys"

    def _connect(self):
        # As dbapi.connect does.
        database = adbc_driver_flightsql.connect(URI)
        return ViewConnection(database, manager.AdbcConnection(database))

    def _paraminsert(self, cursor):
        """Of the suite's: a parameter, beside a text with what is one in other styles. In a query:
        a view has no parameters."""
        trouble = "thi%s :may ca%(u)se? troub:1e"
        self.executeDDL2(cursor)
        cursor.execute(f"insert into dbapi20test_barflys values ('Victoria Bitter', '{trouble}')")
        self.assertIn(cursor.rowcount, (-1, 0))
        cursor.execute(
            "SELECT name, drink FROM dbapi20test_barflys UNION ALL "
            f"SELECT ?, '{trouble}' ORDER BY name",
            ("Cooper's",),
        )
        self.assertEqual(cursor.fetchall(), [("Cooper's", trouble), ("Victoria Bitter", trouble)])
        # Mica refuses to prepare an INSERT; with parameters the driver makes another error of that.
        with self._connect() as connection, connection.cursor() as other:
            insert = f"insert into dbapi20test_barflys values (?, '{trouble}')"
            with self.assertRaisesRegex(dbapi.ProgrammingError, "must set IngestTargetTable"):
                other.execute(insert, ("Cooper's",))

    def test_executemany(self):
        """Of the suite's: nothing, because only a query takes parameters, and executemany is not
        for queries."""
        with self._connect() as connection, connection.cursor() as cursor:
            self.executeDDL1(cursor)
            rows = [("Cooper's",), ("Boag's",)]
            with self.assertRaisesRegex(dbapi.NotSupportedError, "INSERT is not supported"):
                cursor.executemany("insert into dbapi20test_booze values (?)", rows)
            cursor.execute("SELECT name FROM dbapi20test_booze")
            self.assertEqual(cursor.fetchall(), [])

    def test_rowcount(self):
        """Of the suite's: all but the count of an INSERT."""
        with self._connect() as connection, connection.cursor() as cursor:
            self.executeDDL1(cursor)
            self.assertIn(cursor.rowcount, (-1, 0))
            cursor.execute("insert into dbapi20test_booze values ('Victoria Bitter')")
            cursor.execute("select name from dbapi20test_booze")
            self.assertIn(cursor.rowcount, (-1, 1))
            self.executeDDL2(cursor)
            self.assertIn(cursor.rowcount, (-1, 0))

    def test_nextset(self):
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            self.assertRaises(dbapi.NotSupportedError, cursor.nextset)
            self.assertEqual(cursor.fetchall(), [(1,)])

    def test_setoutputsize(self):
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.setoutputsize(1)
            cursor.execute("SELECT repeat('x', 100)")
            self.assertEqual(cursor.fetchone(), ("x" * 100,))  # it is a hint; nothing is cut

    def test_the_driver_after_ddl(self):
        """PEP 249 wants a description of None and an error from fetching; the driver differs."""
        with dbapi.connect(URI) as connection, connection.cursor() as cursor:
            cursor.execute(self.ddl1)
            self.assertEqual(
                (cursor.description, cursor.fetchone(), cursor.fetchall()), ([], None, [])
            )

    # What the suite does not look at.

    def test_iteration(self):
        with self._connect() as connection, connection.cursor() as cursor:
            for sql in self._populate():
                cursor.execute(sql)
            cursor.execute("SELECT name FROM dbapi20test_booze ORDER BY name")
            self.assertEqual(cursor.rownumber, 0)
            self.assertEqual([name for (name,) in cursor], self.samples)
            self.assertEqual(cursor.rownumber, len(self.samples))
            self.assertEqual(list(cursor), [])
            self.assertRaises(StopIteration, cursor.next)
            self.assertIs(cursor.connection, connection)

    def test_a_new_result_replaces_the_old_one(self):
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute("VALUES (1), (2), (3)")
            self.assertEqual(cursor.fetchmany(2), [(1,), (2,)])
            cursor.execute("SELECT 'x' AS a, 2 AS b")
            self.assertEqual([column[0] for column in cursor.description], ["a", "b"])
            self.assertEqual(cursor.fetchmany(5), [("x", 2)])
            self.assertRaises(dbapi.Error, cursor.execute, "SELEC")
            self.assertIsNone(cursor.description)
            self.assertRaises(dbapi.Error, cursor.fetchone)

    def test_arraysize_zero_and_beyond(self):
        with self._connect() as connection, connection.cursor() as cursor:
            self.assertEqual(cursor.arraysize, 1)
            cursor.execute("VALUES (1), (2), (3)")
            self.assertEqual(cursor.fetchmany(0), [])
            cursor.arraysize = 100
            self.assertEqual(cursor.fetchmany(), [(1,), (2,), (3,)])
            self.assertIsNone(cursor.fetchone())

    def test_type_objects(self):
        with self._connect() as connection, connection.cursor() as cursor:
            for sql, kind, value in [
                ("'x'", dbapi.STRING, "x"),
                ("X'61'", dbapi.BINARY, b"a"),
                ("CAST(1 AS TINYINT)", dbapi.NUMBER, 1),
                ("CAST(1 AS BIGINT)", dbapi.NUMBER, 1),
                ("CAST(1.5 AS REAL)", dbapi.NUMBER, 1.5),
                ("CAST(1.5 AS DOUBLE)", dbapi.NUMBER, 1.5),
                ("DATE '2024-02-29'", dbapi.DATETIME, dbapi.Date(2024, 2, 29)),
                ("TIME '01:02:03'", dbapi.DATETIME, dbapi.Time(1, 2, 3)),
                (
                    "TIMESTAMP '2024-02-29 01:02:03'",
                    dbapi.DATETIME,
                    dbapi.Timestamp(2024, 2, 29, 1, 2, 3),
                ),
                # The driver does not count decimals and booleans.
                ("CAST(1.5 AS DECIMAL(10,2))", None, decimal.Decimal("1.50")),
                ("true", None, True),
            ]:
                cursor.execute(f"SELECT {sql} AS value UNION ALL SELECT NULL")
                ((name, code, *_),) = cursor.description
                kinds = (dbapi.STRING, dbapi.BINARY, dbapi.NUMBER, dbapi.DATETIME)
                self.assertEqual([k for k in kinds if code == k], [kind] if kind else [], sql)
                self.assertEqual(name, "value")
                self.assertEqual(set(cursor.fetchall()), {(value,), (None,)})

    def test_errors(self):
        with self._connect() as connection, connection.cursor() as cursor:
            for sql, kind in [
                ("SELEC", dbapi.ProgrammingError),
                ("SELECT * FROM nothing", dbapi.ProgrammingError),
                ("SELECT ? + 1", dbapi.ProgrammingError),
                ("DELETE FROM customers_raw", dbapi.NotSupportedError),
            ]:
                with self.assertRaises(kind) as caught:
                    cursor.execute(sql).fetchall()
                self.assertIsInstance(caught.exception, dbapi.DatabaseError)
        for call in (lambda: cursor.execute("SELECT 1"), lambda: connection.cursor()):
            self.assertRaises(dbapi.Error, call)

    def test_values_of_the_constructors(self):
        with self._connect() as connection, connection.cursor() as cursor:
            values = (
                dbapi.Date(2024, 2, 29),
                dbapi.Time(1, 2, 3),
                dbapi.Timestamp(2024, 2, 29, 1, 2, 3),
            )
            cursor.execute("SELECT ?, ?, ?", values)
            self.assertEqual(cursor.fetchone(), values)
            ticks = dt.datetime(2024, 2, 29, 12).timestamp()
            cursor.execute("SELECT ? = DATE '2024-02-29'", (dbapi.DateFromTicks(ticks),))
            self.assertEqual(cursor.fetchone(), (True,))


def failures(case):
    """The tests of a class that fail, with their tracebacks."""
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    assert result.testsRun > 30, result
    return {test.id().rpartition(".")[2]: text for test, text in result.failures + result.errors}


def unlike(found, expected):
    """What failed unlike `FAILS` says, and what of `expected` did not fail."""
    wrong = [text for test, text in found.items() if FAILS.get(test, ["no such"])[0] not in text]
    wrong += [text for test, text in found.items() if test not in expected]
    return "\n".join(wrong + [f"{test} does not fail" for test in sorted(expected - set(found))])


def the_suite_as_it_is():
    wrong = unlike(failures(AsItIs), set(FAILS))
    assert not wrong, wrong


def the_suite_over_views():
    wrong = unlike(failures(OverViews), FAILS_OVER_VIEWS)
    assert not wrong, wrong


# DBAPI's default, which Mica has no transactions for: adbc_sessions.py looks at it.
warnings.filterwarnings("ignore", "Cannot disable autocommit")
run(the_suite_as_it_is, the_suite_over_views)
