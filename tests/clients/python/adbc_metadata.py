"""What a tool learns of Mica through ADBC: GetObjects, GetTableSchema, GetTableTypes, GetInfo.

Argument: the URL of a server of examples/c360. Fails by raising; prints "ok" at the end.
"""

import re
import sys

import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager as manager
import pyarrow as pa
from checks import expect, raises, run

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")
CONNECTION = dbapi.connect(URI, autocommit=True)
SCHEMA = "adbc_metadata"

# A column of each type: SQL, its name in SQL, its number in XDBC, its type in Arrow. The numbers
# are the driver's own, made from the Arrow type: 6 and -2 where JDBC has 8 and -3.
TYPES = [
    ("CAST(1 AS TINYINT)", "TINYINT", -6, pa.int8()),
    ("CAST(1 AS SMALLINT)", "SMALLINT", 5, pa.int16()),
    ("CAST(1 AS INTEGER)", "INTEGER", 4, pa.int32()),
    ("CAST(1 AS BIGINT)", "BIGINT", -5, pa.int64()),
    ("CAST(1 AS REAL)", "FLOAT", 6, pa.float32()),
    ("CAST(1 AS DOUBLE)", "DOUBLE", 6, pa.float64()),
    ("CAST(1 AS DECIMAL(10,2))", "DECIMAL(10,2)", 3, pa.decimal128(10, 2)),
    ("true", "BOOLEAN", -7, pa.bool_()),
    ("'x'", "VARCHAR", 12, pa.string()),
    ("X'61'", "VARBINARY", -2, pa.binary()),
    ("DATE '2024-02-29'", "DATE", 91, pa.date32()),
    ("TIME '01:02:03'", "TIME", 92, pa.time64("us")),
    ("TIMESTAMP '2024-02-29 01:02:03'", "TIMESTAMP", 93, pa.timestamp("us")),
    (
        "CAST(TIMESTAMP '2024-02-29 01:02:03' AS TIMESTAMP WITH TIME ZONE)",
        "TIMESTAMP WITH TIME ZONE",
        93,
        pa.timestamp("us", "UTC"),
    ),
    ("INTERVAL '1' DAY", "INTERVAL", 0, pa.month_day_nano_interval()),
    ("[1, 2]", "ARRAY<BIGINT>", -3, pa.list_(pa.int64())),
    ("named_struct('a', 1)", "STRUCT<a: BIGINT>", -3, pa.struct([("a", pa.int64())])),
    ("map(['a'], [1])", "MAP(VARCHAR, BIGINT)", -3, pa.map_(pa.string(), pa.int64())),
]


def execute(sql):
    with CONNECTION.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def objects(**filters):
    return CONNECTION.adbc_get_objects(**filters).read_all().to_pylist()


def tables(**filters):
    """(schema, table, type) of each table that GetObjects lists."""
    return [
        (schema["db_schema_name"], table["table_name"], table["table_type"])
        for catalog in objects(depth="tables", **filters)
        for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    ]


def columns(**filters):
    """(table, column) of each column that GetObjects lists in our schema."""
    (catalog,) = objects(depth="all", db_schema_filter=SCHEMA, **filters)
    (schema,) = catalog["catalog_db_schemas"]
    return [
        (table["table_name"], column["column_name"])
        for table in schema["db_schema_tables"]
        for column in table["table_columns"]
    ]


def set_up():
    execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    execute(f"CREATE SCHEMA {SCHEMA}")
    values = ", ".join(f"{sql} AS c{i}" for i, (sql, *_) in enumerate(TYPES))
    execute(f"CREATE VIEW {SCHEMA}.every_type AS SELECT {values}")
    execute(f"CREATE VIEW {SCHEMA}.a_b (x COMMENT 'a number', y) AS SELECT 1, 'y'")
    execute(f"CREATE VIEW {SCHEMA}.axb AS SELECT 1 AS x")
    execute(f"ALTER VIEW {SCHEMA}.every_type ADD PRIMARY KEY (c3) NOT ENFORCED")
    execute(f'CREATE VIEW {SCHEMA}."Mixed Case" AS SELECT 1 AS "Column A"')


def tear_down():
    execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    CONNECTION.close()


def each_depth_goes_as_deep_as_it_says():
    expect(objects(depth="catalogs"), [{"catalog_name": "mica", "catalog_db_schemas": None}])
    expect(
        objects(depth="db_schemas", db_schema_filter="%a%"),
        [
            {
                "catalog_name": "mica",
                "catalog_db_schemas": [
                    {"db_schema_name": name, "db_schema_tables": None}
                    for name in (SCHEMA, "default", "information_schema")
                ],
            }
        ],
    )
    (catalog,) = objects(depth="tables", db_schema_filter=SCHEMA)
    (schema,) = catalog["catalog_db_schemas"]
    expect(
        schema["db_schema_tables"],
        [
            {
                "table_name": name,
                "table_type": "VIEW",
                "table_columns": None,
                "table_constraints": None,
            }
            for name in ("Mixed Case", "a_b", "axb", "every_type")
        ],
    )
    expect(objects(depth="columns"), objects(depth="all"))


def the_example_is_listed_whole():
    raw = ["app_usage", "customers", "loyalty_program", "products", "support_tickets"]
    raw += ["transaction_items", "transactions"]
    expect(
        tables(db_schema_filter="default", table_types_filter=["TABLE"]),
        [("default", f"{name}_raw", "TABLE") for name in raw],
    )
    views = {name for _, name, _ in tables(db_schema_filter="default", table_types_filter=["VIEW"])}
    source = {"src_customers", "src_loyalty_program", "src_products", "src_transactions"}
    other = {"customer_analytics_c360", "fct_customer_360_profile", "int_customer_transactions"}
    assert source | other <= views, views


def filters_are_patterns():
    ours = {"db_schema_filter": SCHEMA}
    a_b, axb = (SCHEMA, "a_b", "VIEW"), (SCHEMA, "axb", "VIEW")
    expect(tables(table_name_filter="a_b", **ours), [a_b, axb])
    expect(tables(table_name_filter="a\\_b", **ours), [a_b])
    expect(tables(table_name_filter="a%", **ours), [a_b, axb])
    expect(tables(table_name_filter="", **ours), [])
    expect(tables(table_name_filter="Mixed Case", **ours), [(SCHEMA, "Mixed Case", "VIEW")])
    expect(tables(table_name_filter="axb", db_schema_filter="adbc\\_%"), [axb])
    expect(tables(table_name_filter="axb", db_schema_filter="nowhere"), [])
    # The driver compares catalogs itself, without case.
    expect(tables(table_name_filter="axb", catalog_filter="mi%"), [axb])
    expect(objects(catalog_filter="nowhere"), [])
    # The driver compares columns itself, too.
    expect(columns(column_name_filter="x"), [("a_b", "x"), ("axb", "x")])
    expect(columns(column_name_filter="c_"), [("every_type", f"c{i}") for i in range(10)])
    expect(columns(column_name_filter="nothing"), [])


def table_types_filter_in_either_spelling():
    expect(CONNECTION.adbc_get_table_types(), ["TABLE", "VIEW"])
    table, view = ("default", "customers_raw", "TABLE"), (
        "default",
        "customer_analytics_c360",
        "VIEW",
    )
    for types, expected in [
        (["TABLE"], [table]),
        (["BASE TABLE"], [table]),
        (["VIEW"], [view]),
        (["TABLE", "VIEW"], [view, table]),
        (["SYSTEM TABLE"], []),
        ([], [view, table]),
        (None, [view, table]),
    ]:
        found = tables(
            table_types_filter=types, table_name_filter="customer%", db_schema_filter="default"
        )
        expect(found, expected)


def columns_are_described_exactly():
    (catalog,) = objects(db_schema_filter=SCHEMA, table_name_filter="every\\_type")
    (schema,) = catalog["catalog_db_schemas"]
    (table,) = schema["db_schema_tables"]
    # It has a primary key, but the driver asks for no constraints.
    expect(table["table_constraints"], [])
    # What is None the driver takes from keys of its own, which Flight SQL does not have.
    expect(
        table["table_columns"],
        [
            {
                "column_name": f"c{i}",
                "ordinal_position": i + 1,
                "remarks": None,
                "xdbc_data_type": number,
                "xdbc_type_name": name,
                "xdbc_column_size": None,
                "xdbc_decimal_digits": None,
                "xdbc_num_prec_radix": None,
                "xdbc_nullable": None,
                "xdbc_column_def": None,
                "xdbc_sql_data_type": number,
                "xdbc_datetime_sub": None,
                "xdbc_char_octet_length": None,
                "xdbc_is_nullable": None,
                "xdbc_scope_catalog": "mica",
                "xdbc_scope_schema": SCHEMA,
                "xdbc_scope_table": "every_type",
                "xdbc_is_autoincrement": False,
                "xdbc_is_generatedcolumn": None,
            }
            for i, (_, name, number, _) in enumerate(TYPES)
        ],
    )


def a_tables_schema_is_that_of_its_rows():
    schema = CONNECTION.adbc_get_table_schema("every_type", db_schema_filter=SCHEMA)
    expect(schema, pa.schema([(f"c{i}", data_type) for i, (*_, data_type) in enumerate(TYPES)]))
    with CONNECTION.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {SCHEMA}.every_type")
        expect(cursor.fetch_record_batch().schema, schema)
        cursor.execute("SELECT * FROM customer_analytics_c360")
        rows = cursor.fetch_record_batch().schema
    expect(CONNECTION.adbc_get_table_schema("customer_analytics_c360"), rows)


def a_tables_schema_carries_the_metadata_of_flight_sql():
    schema = CONNECTION.adbc_get_table_schema("a_b", db_schema_filter=SCHEMA, catalog_filter="mica")
    both = {
        "CATALOG_NAME": "mica",
        "SCHEMA_NAME": SCHEMA,
        "TABLE_NAME": "a_b",
        "IS_AUTO_INCREMENT": "0",
        "IS_READ_ONLY": "1",
        "IS_SEARCHABLE": "1",
    }
    number = {"TYPE_NAME": "BIGINT", "PRECISION": "19", "SCALE": "0", "REMARKS": "a number"}
    for name, own in [
        ("x", number | {"IS_CASE_SENSITIVE": "0"}),
        ("y", {"TYPE_NAME": "VARCHAR", "IS_CASE_SENSITIVE": "1"}),
    ]:
        found = {key.decode(): value.decode() for key, value in schema.field(name).metadata.items()}
        expected = {f"ARROW:FLIGHT:SQL:{key}": value for key, value in (both | own).items()}
        expect(found, expected)
    decimal = CONNECTION.adbc_get_table_schema("every_type", db_schema_filter=SCHEMA).field("c6")
    expect(decimal.metadata[b"ARROW:FLIGHT:SQL:PRECISION"], b"10")
    expect(decimal.metadata[b"ARROW:FLIGHT:SQL:SCALE"], b"2")


def a_tables_schema_is_found_by_its_exact_name():
    get = CONNECTION.adbc_get_table_schema
    # The driver sends the name as a pattern, and looks for the name itself in the answer.
    expect(get("a_b", db_schema_filter=SCHEMA).names, ["x", "y"])
    expect(get("Mixed Case", db_schema_filter=SCHEMA).names, ["Column A"])
    expect(
        get("tables", db_schema_filter="information_schema").names[:2],
        ["table_catalog", "table_schema"],
    )
    execute("CREATE TEMPORARY VIEW adbc_metadata_temporary AS SELECT 1 AS t")
    expect(get("adbc_metadata_temporary").names, ["t"])
    for name, filters in [
        ("nothing", {}),
        ("a%", {}),
        ("a_b", {"db_schema_filter": "default"}),
        ("a_b", {"catalog_filter": "nowhere"}),
    ]:
        with raises(dbapi.ProgrammingError, "NOT_FOUND"):
            get(name, **filters)


def information():
    info = CONNECTION.adbc_get_info()
    expect(info["vendor_name"], "Mica")
    for version in (info["vendor_version"], info["vendor_arrow_version"]):
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), info
    codes = manager.AdbcInfoCode
    handle = CONNECTION.adbc_connection.get_info([codes.VENDOR_NAME, 3, 4, codes.VENDOR_VERSION])
    rows = pa.RecordBatchReader._import_from_c(handle.address).read_all().to_pylist()
    # 3 and 4: whether it takes SQL and Substrait.
    expect([row["info_name"] for row in rows], [0, 3, 4, 1])
    expect([row["info_value"] for row in rows[:3]], ["Mica", True, False])
    with raises(dbapi.NotSupportedError):
        CONNECTION.adbc_get_statistics()  # the driver has none


run(
    set_up,
    each_depth_goes_as_deep_as_it_says,
    the_example_is_listed_whole,
    filters_are_patterns,
    table_types_filter_in_either_spelling,
    columns_are_described_exactly,
    a_tables_schema_is_that_of_its_rows,
    a_tables_schema_carries_the_metadata_of_flight_sql,
    a_tables_schema_is_found_by_its_exact_name,
    information,
    tear_down,
)
