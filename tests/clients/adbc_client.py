"""Mica through ADBC's Flight SQL driver: DBAPI, then the driver's low level. Argument: the server's URL.

The server serves examples/c360. Fails by raising; prints "ok" at the end.
"""

import sys

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager as manager
import pyarrow as pa

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")


def expect(actual, expected):
    assert actual == expected, f"got {actual!r}, expected {expected!r}"


def data_product(cursor):
    cursor.execute(
        "SELECT customer_id, first_name, last_name, loyalty_tier, total_spent, "
        "customer_health_score FROM customer_analytics_c360 "
        "ORDER BY customer_health_score DESC, customer_id LIMIT 1"
    )
    expect([d[0] for d in cursor.description][0], "customer_id")
    row = cursor.fetchone()
    expect(row[:4], ("CUST009", "Lisa", "Anderson", "Platinum"))
    expect((round(row[4], 2), round(float(row[5]), 2)), (1019.98, 2.67))
    cursor.execute(
        "SELECT count(*), round(avg(customer_health_score), 2) FROM customer_analytics_c360"
    )
    count, average = cursor.fetchone()
    expect((count, float(average)), (15, 1.87))


def parameters(cursor):
    cursor.execute("SELECT ? + 1 AS n, ? AS s", (41, "x"))
    expect(cursor.fetchall(), [(42, "x")])
    cursor.execute(
        "SELECT count(*) FROM customer_analytics_c360 WHERE customer_id = ?", ("CUST009",)
    )
    expect(cursor.fetchone(), (1,))
    # A query answers one row of parameters; more are refused, not silently dropped.
    try:
        cursor.executemany("SELECT ? AS n", [(1,), (2,)])
        raise AssertionError("two rows of parameters for a query were accepted")
    except dbapi.Error as error:
        assert "row" in str(error) or "not a query" in str(error), error


def definitions(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE VIEW adbc_probe AS SELECT 1 AS one")
        cursor.execute("SELECT one FROM adbc_probe")
        expect(cursor.fetchall(), [(1,)])
        # Once, although ADBC asks for the schema first: a second CREATE fails.
        try:
            cursor.execute("CREATE VIEW adbc_probe AS SELECT 2 AS two")
            raise AssertionError("the second CREATE VIEW succeeded")
        except dbapi.Error as error:
            assert "already exists" in str(error), error
        cursor.execute("DROP VIEW adbc_probe")
        try:
            cursor.execute("SELECT * FROM adbc_probe")
            raise AssertionError("the view is still there")
        except dbapi.Error as error:
            assert "does not exist" in str(error), error


def metadata(connection):
    info = connection.adbc_get_info()
    expect(info["vendor_name"], "Mica")
    tree = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    tables = {
        table["table_name"]
        for catalog in tree
        for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    }
    assert {"customers_raw", "src_customers", "customer_analytics_c360"} <= tables, tables
    columns = connection.adbc_get_objects(
        depth="all", table_name_filter="customer_analytics_c360"
    ).read_all()
    table = columns.to_pylist()[0]["catalog_db_schemas"]
    found = [t for s in table for t in s["db_schema_tables"]][0]
    expect(found["table_columns"][0]["column_name"], "customer_id")
    schema = connection.adbc_get_table_schema("customer_analytics_c360")
    expect(schema.names[0], "customer_id")
    types = connection.adbc_get_table_types()
    assert {"TABLE", "VIEW"} <= set(types), types


def low_level():
    with manager.AdbcDatabase(driver=driver(), uri=URI) as database:
        with manager.AdbcConnection(database) as connection:
            with manager.AdbcStatement(connection) as statement:
                statement.set_sql_query("SELECT customer_id FROM customer_analytics_c360 WHERE 1 = 0")
                stream, _ = statement.execute_query()
                reader = pa.RecordBatchReader._import_from_c(stream.address)
                expect(reader.schema.names, ["customer_id"])
                expect(reader.read_all().num_rows, 0)
            with manager.AdbcStatement(connection) as statement:
                statement.set_sql_query("SELECT * FROM customer_analytics_c360 WHERE total_spent > ?")
                statement.prepare()
                schema = statement.get_parameter_schema()
                expect(pa.Schema._import_from_c(schema.address).types, [pa.float64()])


def driver():
    import adbc_driver_flightsql

    return adbc_driver_flightsql._driver_path()


with dbapi.connect(URI, autocommit=True) as connection:
    with connection.cursor() as cursor:
        data_product(cursor)
    with connection.cursor() as cursor:
        parameters(cursor)
    definitions(connection)
    metadata(connection)
low_level()
print("ok")
