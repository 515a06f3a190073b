"""Sessions through ADBC: cookies, options, headers, logins, no transactions, timeouts.

Argument: the URL of a server of examples/c360 without a password. Fails by raising; prints "ok" at
the end.
"""

import json
import sys
import warnings

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as dbapi
from checks import expect, raises, run, until

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")
DATABASE = adbc_driver_flightsql.DatabaseOptions
PREFIX = adbc_driver_flightsql.ConnectionOptions
ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.value * b.value = 11"


def connect(options=None):
    options = {key.value: value for key, value in (options or {}).items()}
    return dbapi.connect(URI, db_kwargs=options, autocommit=True)


def answer(connection, sql):
    with connection.cursor() as cursor:
        return cursor.execute(sql).fetchall()


def setter(connection):
    """Sets an option by its prefix and name; none but the server's error is in the way."""

    def set_option(name, value, prefix=PREFIX.OPTION_SESSION_OPTION_PREFIX):
        connection.adbc_connection.set_options(**{prefix.value + name: value})

    return set_option


def getter(connection):
    prefix = PREFIX.OPTION_SESSION_OPTION_PREFIX.value
    return lambda name: connection.adbc_connection.get_option(prefix + name)


def a_session_lasts_with_cookies_and_without():
    for cookies in ("true", "false"):
        with connect({DATABASE.WITH_COOKIE_MIDDLEWARE: cookies}) as connection:
            answer(connection, "SET dialect = 'spark'")
            answer(connection, "CREATE TEMPORARY VIEW adbc_sessions AS SELECT 7 / 2 AS half")
            expect(answer(connection, "SELECT half, 7 / 2 FROM adbc_sessions"), [(3.5, 3.5)])
            with connect({DATABASE.WITH_COOKIE_MIDDLEWARE: cookies}) as other:
                expect(answer(other, "SELECT 7 / 2"), [(3,)])
                with raises(dbapi.ProgrammingError, "does not exist"):
                    answer(other, "SELECT half FROM adbc_sessions")


def options_are_read():
    with connect() as connection:
        options = json.loads(
            connection.adbc_connection.get_option(PREFIX.OPTION_SESSION_OPTIONS.value)
        )
        expect(
            (options["catalog"], options["schema"], options["dialect"]), ("mica", "default", "ansi")
        )
        get = getter(connection)
        expect(get("timezone"), "UTC")
        settings = {name: value for name, value, *_ in answer(connection, "SHOW ALL")}
        for name in options.keys() - {"catalog"}:
            expect((name, options[name]), (name, settings[name]))
            expect((name, get(name)), (name, settings[name]))
        with raises(dbapi.ProgrammingError, "NOT_FOUND", "nothing"):
            get("nothing")


def options_are_set():
    with connect() as connection:
        get, set_option = getter(connection), setter(connection)
        set_option("dialect", "spark")
        expect((get("dialect"), answer(connection, "SELECT 7 / 2")), ("spark", [(3.5,)]))
        # Whatever type the client sends, the value is kept as SET would keep it.
        set_option("ansi_mode", "true", PREFIX.OPTION_BOOL_SESSION_OPTION_PREFIX)
        expect(get("ansi_mode"), "true")
        set_option("batch_size", 100)
        expect(get("batch_size"), "100")
        set_option("timezone", "Europe/Berlin")
        expect(answer(connection, "SHOW timezone"), [("timezone", "Europe/Berlin")])
        answer(connection, "SET timezone = 'UTC'")
        expect(get("timezone"), "UTC")
        for name, value, reason in [
            ("nothing", "x", "'nothing' (invalid name)"),
            ("dialect", "nothing", "'dialect' (invalid value)"),
            ("batch_size", 1.5, "'batch_size' (invalid value)"),
            ("batch_size", "many", "'batch_size' (invalid value)"),
        ]:
            with raises(dbapi.ProgrammingError, reason):
                set_option(name, value)
        expect((get("dialect"), get("batch_size")), ("spark", "100"))
        with connect() as other:
            expect(getter(other)("dialect"), "ansi")


def options_are_erased():
    """An option without a value is reset, as RESET would."""
    with connect() as connection:
        get, set_option = getter(connection), setter(connection)
        wrong = []
        answer(connection, "CREATE SCHEMA IF NOT EXISTS adbc_sessions")
        for name, value, default in [
            ("timezone", "Europe/Berlin", "UTC"),
            ("batch_size", "100", "8192"),
            ("dialect", "spark", "ansi"),
            ("schema", "adbc_sessions", "default"),
            ("catalog", "mica", "mica"),
        ]:
            set_option(name, value)
            try:
                set_option(name, "", PREFIX.OPTION_ERASE_SESSION_OPTION_PREFIX)
                found = get(name)
            except dbapi.Error as error:
                found = error
            if found != default:
                wrong.append((name, found))
        answer(connection, "DROP SCHEMA adbc_sessions")
        expect(wrong, [])
        with raises(dbapi.ProgrammingError, "'nothing' (invalid name)"):
            set_option("nothing", "", PREFIX.OPTION_ERASE_SESSION_OPTION_PREFIX)


def the_current_catalog_and_schema():
    with connect() as connection:
        expect(
            (connection.adbc_current_catalog, connection.adbc_current_db_schema),
            ("mica", "default"),
        )
        connection.adbc_current_catalog = "mica"
        with raises(dbapi.ProgrammingError, "'catalog' (invalid value)"):
            connection.adbc_current_catalog = "nowhere"
        connection.adbc_current_db_schema = "information_schema"
        expect(answer(connection, "SELECT current_schema()"), [("information_schema",)])
        assert ("default",) in answer(connection, "SELECT schema_name FROM schemata")
        answer(connection, "USE default")
        expect(connection.adbc_current_db_schema, "default")
        with raises(dbapi.ProgrammingError, "does not exist"):
            answer(connection, "USE nowhere")
        expect(connection.adbc_current_db_schema, "default")
        # A prepared statement means what it meant when it was prepared.
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM customers_raw")
            connection.adbc_current_db_schema = "information_schema"
            expect(cursor.execute("SELECT count(*) FROM customers_raw").fetchall(), [(15,)])
        with raises(dbapi.ProgrammingError, "does not exist"):
            answer(connection, "SELECT count(*) FROM customers_raw")


def headers():
    header = DATABASE.RPC_CALL_HEADER_PREFIX.value
    options = {header + "schema": "information_schema", header + "x-unknown": "x" * 10_000}
    with dbapi.connect(URI, db_kwargs=options, autocommit=True) as connection:
        expect(answer(connection, "SELECT current_schema()"), [("information_schema",)])
        answer(connection, "USE default")
        # Drivers send the header with every call; it does not undo USE.
        expect(answer(connection, "SELECT current_schema()"), [("default",)])


def logins_are_not_looked_at_by_an_open_server():
    for options, user in [
        ({}, "anonymous"),
        ({"username": "ann", "password": "x"}, "ann"),
        ({DATABASE.AUTHORIZATION_HEADER.value: "Bearer None"}, "anonymous"),
    ]:
        with dbapi.connect(URI, db_kwargs=options, autocommit=True) as connection:
            expect(answer(connection, "SELECT 1"), [(1,)])

            def users():
                return [row[1] for row in answer(connection, "SHOW QUERIES") if row[5] == ENDLESS]

            with connection.cursor() as cursor:
                cursor.execute(ENDLESS)
                until(users)
                expect(users(), [user])
            until(lambda: not users())


def autocommit_cannot_be_turned_off():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        connection = dbapi.connect(URI)
    expect([warning.category for warning in caught], [dbapi.Warning])
    assert "Cannot disable autocommit" in str(caught[0].message), caught
    with connection:
        expect(answer(connection, "SELECT 1"), [(1,)])
        answer(connection, "CREATE OR REPLACE VIEW adbc_sessions_kept AS SELECT 1 AS one")
        connection.rollback()
        connection.commit()
        expect(answer(connection, "SELECT one FROM adbc_sessions_kept"), [(1,)])
        answer(connection, "DROP VIEW adbc_sessions_kept")
        low = connection.adbc_connection
        expect(low.get_option("adbc.connection.autocommit"), "true")
        low.set_autocommit(True)
        with raises(dbapi.NotSupportedError, "does not report transaction support"):
            low.set_autocommit(False)
        for finish in (low.commit, low.rollback):
            with raises(dbapi.ProgrammingError, "autocommit is enabled"):
                finish()
        for statement in ("BEGIN", "COMMIT", "ROLLBACK"):
            with raises(dbapi.NotSupportedError, "not supported"):
                answer(connection, statement)


def timeouts():
    with connect() as connection:

        def endless_has_ended():
            return all(row[5] != ENDLESS for row in answer(connection, "SHOW QUERIES"))

        for option, value, statement in [
            (DATABASE.TIMEOUT_FETCH, 0.5, ENDLESS),
            (DATABASE.TIMEOUT_FETCH, "0.5", ENDLESS),
            (DATABASE.TIMEOUT_QUERY, 1e-6, "SELECT 1"),
        ]:
            with connection.cursor(adbc_stmt_kwargs={option.value: value}) as cursor:
                with raises(dbapi.OperationalError, "TIMEOUT"):
                    cursor.execute(statement).fetchall()
        until(endless_has_ended)
        with connection.cursor(adbc_stmt_kwargs={DATABASE.TIMEOUT_UPDATE.value: 1e-6}) as cursor:
            with raises(dbapi.OperationalError, "TIMEOUT"):
                cursor.executescript("CREATE OR REPLACE VIEW adbc_sessions_late AS SELECT 1 AS one")
        for value in (-1.0, "soon"):
            with raises(dbapi.ProgrammingError, "invalid timeout"):
                connection.cursor(adbc_stmt_kwargs={DATABASE.TIMEOUT_FETCH.value: value})
        with connection.cursor(adbc_stmt_kwargs={DATABASE.TIMEOUT_FETCH.value: 60.0}) as cursor:
            expect(cursor.execute("SELECT 1").fetchall(), [(1,)])
        # The server's own timeout says which setting it is.
        setter(connection)("statement_timeout_ms", 300)
        with raises(dbapi.OperationalError, "TIMEOUT", "statement_timeout_ms"):
            answer(connection, ENDLESS)
        answer(connection, "DROP VIEW IF EXISTS adbc_sessions_late")


run(
    a_session_lasts_with_cookies_and_without,
    options_are_read,
    options_are_set,
    options_are_erased,
    the_current_catalog_and_schema,
    headers,
    logins_are_not_looked_at_by_an_open_server,
    autocommit_cannot_be_turned_off,
    timeouts,
)
