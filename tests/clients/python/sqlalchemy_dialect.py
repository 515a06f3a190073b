"""Mica through SQLAlchemy's dialect of flightsql-dbapi, as Apache Superset uses it.

Needs requirements-sqlalchemy.txt: the dialect is for SQLAlchemy 1.4. Argument: the URL of a server
of examples/c360 without a password. Fails by raising; prints "ok" at the end.
"""

import datetime as dt
import decimal
import sys

import flightsql.exceptions
import flightsql.sqlalchemy  # noqa: F401, registers the dialect
import pyarrow as pa
import sqlalchemy as sa
from checks import expect, raises, run
from sqlalchemy import func, select, text

ADDRESS = sys.argv[1].replace("grpc://", "")
PREPARED = "&feature-sqlalchemy-prepared-statements=on"


def engine(options="", **more):
    url = f"datafusion+flightsql://{ADDRESS}?insecure=true{options}"
    return sa.create_engine(url, future=True, **more)


# Without prepared statements the dialect writes values into the SQL, which SQLAlchemy then caches.
LITERAL = engine(query_cache_size=0)
BOUND = engine(PREPARED)


def answer(statement, of=LITERAL, **parameters):
    with of.connect() as connection:
        statement = text(statement) if isinstance(statement, str) else statement
        return [tuple(row) for row in connection.execute(statement, parameters)]


def attempt(*arguments, **parameters):
    """As `answer`, or the error."""
    try:
        return answer(*arguments, **parameters)
    except Exception as error:
        return error


def product(of=LITERAL):
    return sa.Table("customer_analytics_c360", sa.MetaData(), autoload_with=of)


def values_come_back():
    sql = (
        "SELECT DATE '2024-02-29' AS d, TIMESTAMP '2024-02-29 01:02:03' AS ts, 1.5 AS f, "
        "CAST(1.25 AS DECIMAL(10,2)) AS c, true AS b, X'61' AS x, TIME '01:02:03' AS t, "
        "CAST(3 AS SMALLINT) AS s, 'é' AS v, CAST(NULL AS VARCHAR) AS n"
    )
    moment = dt.datetime(2024, 2, 29, 1, 2, 3)
    values = (1.5, decimal.Decimal("1.25"), True, b"a", dt.time(1, 2, 3), 3, "é", None)
    # The driver reads through pandas: a date becomes a moment.
    expect(answer(sql), [(dt.datetime(2024, 2, 29), moment, *values)])
    with LITERAL.connect() as connection:
        result = connection.execute(text(sql))
        expect(
            [kind for _, kind in result.cursor.description][:4],
            [sa.DATE, sa.TIMESTAMP, sa.FLOAT, sa.DECIMAL],
        )
        expect(result.keys()._keys, ["d", "ts", "f", "c", "b", "x", "t", "s", "v", "n"])
        expect(connection.execute(text("SELECT value FROM range(3)")).rowcount, 3)
    expect(answer("SELECT 1 AS a WHERE false"), [])


def core_queries(of=LITERAL):
    table, wrong = product(of), []
    c = table.c
    for statement, expected in [
        (select(func.count()).select_from(table), [(15,)]),
        (select(c.last_name).where(c.customer_id == "CUST009"), [("Anderson",)]),
        (select(c.last_name).where(c.customer_id == "x' OR '1' = '1"), []),
        (
            select(c.customer_id).order_by(c.customer_id).limit(2).offset(3),
            [("CUST004",), ("CUST005",)],
        ),
        (select(c.customer_id).order_by(c.customer_id.desc()).limit(1), [("CUST015",)]),
        (select(c.first_name).where(c.first_name.in_(["Lisa", "O'Hara"])), [("Lisa",)]),
        (
            select(c.first_name).where(c.first_name.like("Li%")).order_by(c.first_name),
            [("Linda",), ("Lisa",)],
        ),
        (select(func.count()).where(c.first_name.is_(None)), [(0,)]),
        (select(c.total_spent).where(c.total_spent > 1000.5), [(1019.98,)]),
        (select(c.customer_id).where(c.total_spent.between(1000, 1020)), [("CUST009",)]),
        (select(func.count()).where(c.churn_risk_flag + 1 == 2), [(15,)]),
        (
            select(c.loyalty_tier, func.round(func.sum(c.total_spent), 2).label("spent"))
            .group_by(c.loyalty_tier)
            .having(func.count() > 3)
            .order_by(sa.desc("spent")),
            [("Gold", 1699.9), ("Silver", 1119.92), ("Bronze", 873.95)],
        ),
        (select(c.first_name.label('Of "what"?')).where(c.customer_id == "CUST009"), [("Lisa",)]),
        (select(sa.case((c.age_years > 200, 1), else_=2)).distinct(), [(2,)]),
        (select(sa.literal(1.5) + 1).select_from(table).limit(1), [(2.5,)]),
    ]:
        found = attempt(statement, of)
        if found != expected:
            wrong.append((str(statement), found, expected))
    assert not wrong, wrong


def core_queries_with_prepared_statements():
    core_queries(BOUND)


def what_the_dialect_gets_wrong():
    # A text that is written into the query comes back as what it takes for bytes.
    with raises(TypeError, "expected bytes, str found"):
        answer(select(sa.literal("a'b")))
    cached = engine()
    c = product(cached).c
    for customer in ("CUST009", "CUST001"):
        # The second is Wilson, and is answered from the first's SQL.
        expect(
            answer(select(c.last_name).where(c.customer_id == customer), cached), [("Anderson",)]
        )


def text_with_parameters():
    wrong = []
    for sql, parameters, expected in [
        (
            "SELECT last_name FROM customers_raw WHERE customer_id = :id",
            {"id": "CUST009"},
            "Anderson",
        ),
        (
            "SELECT count(*) FROM customers_raw WHERE registration_date > :d",
            {"d": "2020-01-01"},
            15,
        ),
        ("SELECT value FROM range(5) ORDER BY value LIMIT :n OFFSET :m", {"n": 1, "m": 3}, 3),
        ("SELECT count(*) FROM range(5) WHERE value * 1.5 > :x", {"x": 2}, 3),
        ("SELECT upper(:s)", {"s": "é'"}, "É'"),
        ("SELECT :s AS s", {"s": "x"}, "x"),
        ("SELECT :n AS n", {"n": 1}, 1),
    ]:
        found = attempt(sql, BOUND, **parameters)
        if found != [(expected,)]:
            wrong.append((sql, parameters, found))
    assert not wrong, wrong


def text_with_parameters_but_without_prepared_statements():
    # The driver writes NULL for each.
    expect(answer("SELECT :a AS a, :b AS b", a=1, b="x"), [(None, None)])
    # And prepared it knows neither NULL nor dates nor decimals.
    for value in (None, dt.date(2024, 2, 29), decimal.Decimal("1.5")):
        with raises(sa.exc.DBAPIError, "unable to map"):
            answer("SELECT :a AS a", BOUND, a=value)


def errors():
    # The driver raises pyarrow's errors, which are not DBAPI's, and so SQLAlchemy wraps none.
    for sql, kind, words in [
        ("SELEC 1", pa.ArrowInvalid, "syntax error at line 1, column 1"),
        ("SELECT * FROM nothing", pa.ArrowKeyError, "'default.nothing' does not exist"),
        ("SELECT nothing FROM customers_raw", pa.ArrowInvalid, "nothing"),
        ("DELETE FROM customers_raw", pa.ArrowNotImplementedError, "DELETE is not supported"),
        ("SELECT 1; SELECT 2", pa.ArrowInvalid, "one by one"),
        ("SELECT 1 / (value - 1) FROM range(3)", pa.ArrowInvalid, "Divide by zero"),
    ]:
        with raises(kind, words):
            answer(sql)
        expect(answer("SELECT 1"), [(1,)])
    with raises(flightsql.exceptions.Error, "already closed"):
        cursor = LITERAL.raw_connection().connection.cursor()
        cursor.close()
        cursor.execute("SELECT 1")


def changes():
    answer("CREATE OR REPLACE VIEW sqlalchemy_view AS SELECT 1 AS a")
    expect(answer("SELECT a FROM sqlalchemy_view"), [(1,)])
    with LITERAL.begin() as connection:
        connection.execute(text("DROP VIEW sqlalchemy_view"))
    assert not sa.inspect(LITERAL).has_table("sqlalchemy_view")


def what_superset_asks():
    marked = "-- 6dcd92a04feb50f14bbcf07c661680ba\nSELECT count(*) FROM customers_raw\nLIMIT 1001;"
    expect(answer(marked), [(15,)])
    expect(len(answer('SELECT *\nFROM "default".customers_raw\nLIMIT 5\nOFFSET 0')), 5)
    sql = (
        'SELECT loyalty_tier AS loyalty_tier, COUNT(*) AS "COUNT(*)" \nFROM '
        "(SELECT loyalty_tier, total_spent\nFROM customer_analytics_c360\nORDER BY 2 LIMIT 99) "
        "AS virtual_table \nWHERE total_spent > 0 GROUP BY loyalty_tier"
    )
    expect(sum(count for _, count in answer(f'{sql} ORDER BY "COUNT(*)" DESC \n LIMIT 1000')), 15)
    for grain, month, day in [
        ("year", 1, 1),
        ("quarter", 1, 1),
        ("month", 2, 1),
        ("week", 2, 26),
        ("day", 2, 29),
    ]:
        sql = f"SELECT DATE_TRUNC('{grain}', TIMESTAMP '2024-02-29 12:30:15') AS __timestamp"
        expect((grain, answer(sql)), (grain, [(dt.datetime(2024, month, day),)]))
    spent = 'sum(total_spent) AS "SUM(total_spent)"'
    series = (
        f"(SELECT customer_id AS customer_id__, {spent} FROM customer_analytics_c360 "
        "GROUP BY customer_id ORDER BY 2 DESC LIMIT 2) AS series_limit"
    )
    sql = (
        f"SELECT customer_id AS customer_id, {spent} FROM customer_analytics_c360 "
        f"JOIN {series} ON customer_id = customer_id__ "
        'GROUP BY customer_id ORDER BY "SUM(total_spent)" DESC LIMIT 10000'
    )
    expect([customer for customer, _ in answer(sql)], ["CUST009", "CUST014"])


run(
    values_come_back,
    core_queries,
    core_queries_with_prepared_statements,
    what_the_dialect_gets_wrong,
    text_with_parameters,
    text_with_parameters_but_without_prepared_statements,
    errors,
    changes,
    what_superset_asks,
)
