"""What SQLAlchemy's dialect of flightsql-dbapi learns of Mica: names, columns, keys.

Needs requirements-sqlalchemy.txt: the dialect is for SQLAlchemy 1.4. Argument: the URL of a server
of examples/c360 without a password. Fails by raising; prints "ok" at the end.
"""

import sys

import flightsql.sqlalchemy  # noqa: F401, registers the dialect
import sqlalchemy as sa
from checks import expect, raises, run
from sqlalchemy import select, text

ADDRESS = sys.argv[1].replace("grpc://", "")


def engine(options="", login=""):
    url = f"datafusion+flightsql://{login}{ADDRESS}?insecure=true{options}"
    return sa.create_engine(url, future=True)


ENGINE = engine()
WITH_KEYS = engine("&feature-sqlalchemy-primary-keys=on")


def answer(statement, of=ENGINE, **parameters):
    with of.connect() as connection:
        statement = text(statement) if isinstance(statement, str) else statement
        return [tuple(row) for row in connection.execute(statement, parameters)]


def it_connects_without_credentials():
    client = ENGINE.raw_connection().connection.client
    expect(client.headers, [(b"authorization", b"Bearer None")])  # what the driver sends then
    expect(answer("SELECT 1"), [(1,)])
    expect(answer("SELECT 1", engine(login="ann:x@")), [(1,)])
    expect(
        answer("SELECT current_schema()", engine("&database=information_schema")),
        [("information_schema",)],
    )
    assert ENGINE.dialect.do_ping(ENGINE.raw_connection())


def it_learns_of_the_server():
    with ENGINE.connect():
        info = ENGINE.dialect.sql_info
    # Name, Arrow's version, read only, the quote: the driver fails without any of them.
    expect((set(info), info[0], info[3], info[504]), ({0, 2, 3, 504}, "Mica", False, '"'))
    expect(ENGINE.dialect.identifier_preparer.quote("Mixed Case"), '"Mixed Case"')


def it_lists_names():
    inspector = sa.inspect(ENGINE)
    assert {"default", "information_schema"} <= set(inspector.get_schema_names())
    tables = inspector.get_table_names(schema="default")
    # The driver asks for tables and views alike, and for views alone never.
    assert {"customers_raw", "src_customers", "customer_analytics_c360"} <= set(tables), tables
    assert set(tables) < set(inspector.get_table_names())
    expect(tables, sorted(tables))
    expect(inspector.get_table_names(schema="nowhere"), [])
    expect(inspector.get_view_names(schema="default"), [])
    for name, schema, expected in [
        ("customers_raw", None, True),
        ("customers_raw", "default", True),
        ("customers_raw", "information_schema", False),
        ("columns", "information_schema", True),
        ("nothing", None, False),
    ]:
        expect((name, schema, inspector.has_table(name, schema=schema)), (name, schema, expected))


def it_describes_columns():
    columns = sa.inspect(ENGINE).get_columns("customer_analytics_c360", schema="default")
    expect(len(columns), 42)
    types = {column["name"]: type(column["type"]) for column in columns}
    for name, data_type in [
        ("customer_id", sa.TEXT),
        ("age_years", sa.DECIMAL),
        ("tenure_days", sa.INTEGER),
        ("lifetime_value", sa.FLOAT),
        ("total_transactions", sa.BIGINT),
        ("first_purchase_date", sa.DATE),
        ("processed_at", sa.TIMESTAMP),
    ]:
        expect((name, types[name]), (name, data_type))
    assert all(column["nullable"] for column in columns)
    # The driver takes the first row of no rows.
    with raises(IndexError):
        sa.inspect(ENGINE).get_columns("nothing")


def it_finds_keys():
    answer(
        "CREATE OR REPLACE VIEW sqlalchemy_keyed AS "
        "SELECT customer_id AS id, city FROM customers_raw"
    )
    answer("ALTER VIEW sqlalchemy_keyed ADD CONSTRAINT keyed PRIMARY KEY (id, city) NOT ENFORCED")
    answer("CREATE OR REPLACE VIEW sqlalchemy_refers AS SELECT id, city FROM sqlalchemy_keyed")
    answer(
        "ALTER VIEW sqlalchemy_refers ADD CONSTRAINT refers FOREIGN KEY (id, city) "
        "REFERENCES sqlalchemy_keyed (id, city) NOT ENFORCED"
    )
    inspector = sa.inspect(WITH_KEYS)
    for schema in (None, "default"):
        key = inspector.get_pk_constraint("sqlalchemy_keyed", schema=schema)
        expect(key, {"constrained_columns": ["id", "city"], "name": "keyed"})
    expect(inspector.get_pk_constraint("customers_raw"), {"constrained_columns": [], "name": None})
    table = sa.Table("sqlalchemy_keyed", sa.MetaData(), autoload_with=WITH_KEYS)
    expect(table.primary_key.columns.keys(), ["id", "city"])
    keys = WITH_KEYS.raw_connection().connection.flightsql_get_foreign_keys("sqlalchemy_refers")
    found = [(key["fk_column_name"], key["pk_table_name"], key["pk_column_name"]) for key in keys]
    expect(found, [("id", "sqlalchemy_keyed", "id"), ("city", "sqlalchemy_keyed", "city")])
    # The dialect itself answers none, and no primary key either unless it is told to look.
    expect(inspector.get_foreign_keys("sqlalchemy_refers"), [])
    expect(inspector.get_indexes("sqlalchemy_keyed"), [])
    expect(sa.inspect(ENGINE).get_pk_constraint("sqlalchemy_keyed"), [])
    answer("DROP VIEW sqlalchemy_refers")
    answer("DROP VIEW sqlalchemy_keyed")


def it_reflects_a_schema():
    metadata = sa.MetaData(schema="default")
    metadata.reflect(bind=ENGINE)
    table = metadata.tables["default.customers_raw"]
    expect(len(table.columns), 12)
    statement = select(table.c.customer_id).order_by(table.c.customer_id).limit(1)
    assert '"default".customers_raw' in str(statement.compile(ENGINE)), statement
    expect(answer(statement), [("CUST001",)])


run(
    it_connects_without_credentials,
    it_learns_of_the_server,
    it_lists_names,
    it_describes_columns,
    it_finds_keys,
    it_reflects_a_schema,
)
