"""Mica's rows as data frames: pandas and polars, through ADBC.

Argument: the URL of a server of examples/c360. Fails by raising; prints "ok" at the end.
"""

import datetime as dt
import decimal
import sys
import warnings

import adbc_driver_flightsql.dbapi as dbapi
import numpy as np
import pandas as pd
import polars as pl
import polars.testing
import pyarrow as pa
from checks import expect, raises, run

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")
CONNECTION = dbapi.connect(URI, autocommit=True)
D = decimal.Decimal

# A value of each type, and a row without any: SQL, Python, polars' type, pandas' type.
TYPES = [
    ("CAST({} AS TINYINT)", "1", 1, pl.Int8, "float64"),
    ("CAST({} AS BIGINT)", "9007199254740993", 2**53 + 1, pl.Int64, "float64"),
    ("CAST({} AS DOUBLE)", "1.5", 1.5, pl.Float64, "float64"),
    ("CAST({} AS DECIMAL(10,2))", "1.5", D("1.50"), pl.Decimal(10, 2), "object"),
    ("CAST({} AS BOOLEAN)", "true", True, pl.Boolean, "object"),
    ("CAST({} AS VARCHAR)", "'é'", "é", pl.String, "str"),
    ("CAST({} AS VARBINARY)", "X'00ff'", b"\x00\xff", pl.Binary, "object"),
    ("CAST({} AS DATE)", "'2024-02-29'", dt.date(2024, 2, 29), pl.Date, "object"),
    ("CAST({} AS TIME)", "'01:02:03.5'", dt.time(1, 2, 3, 500000), pl.Time, "object"),
    (
        "CAST({} AS TIMESTAMP)",
        "'2024-02-29 01:02:03'",
        dt.datetime(2024, 2, 29, 1, 2, 3),
        pl.Datetime("us"),
        "datetime64[us]",
    ),
    (
        "CAST({} AS TIMESTAMP WITH TIME ZONE)",
        "'2024-02-29 01:02:03'",
        dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.timezone.utc),
        pl.Datetime("us", "UTC"),
        "datetime64[us, UTC]",
    ),
    ("{}", "[1, 2]", [1, 2], pl.List(pl.Int64), "object"),
    ("{}", "named_struct('a', 1)", {"a": 1}, pl.Struct({"a": pl.Int64}), "object"),
]
VALUES = ", ".join(f"{sql.format(value)} AS c{i}" for i, (sql, value, *_) in enumerate(TYPES))
NULLS = ", ".join(f"{sql.format('NULL')} AS c{i}" for i, (sql, *_) in enumerate(TYPES))
EVERY_TYPE = f"SELECT * FROM (SELECT 1 AS id, {VALUES} UNION ALL SELECT 2, {NULLS}) ORDER BY id"
SCORES = (
    "SELECT customer_id, loyalty_tier, total_spent, customer_health_score "
    "FROM customer_analytics_c360 ORDER BY customer_id"
)


def query(sql):
    cursor = CONNECTION.cursor()
    return cursor.execute(sql)


def pandas_reads_every_type():
    with query(EVERY_TYPE) as cursor:
        frame = cursor.fetch_df()
    expect(frame.shape, (2, len(TYPES) + 1))
    for i, (_, _, value, _, dtype) in enumerate(TYPES):
        column = frame[f"c{i}"]
        expect((i, str(column.dtype)), (i, dtype))
        # Without its own types pandas has no place for NULL beside integers: they become floats.
        found = column[0].tolist() if isinstance(column[0], np.ndarray) else column[0]
        expect((i, found), (i, float(value) if dtype == "float64" else value))
        assert pd.isna(column[1]), (i, column[1])
    exact = pd.read_sql(EVERY_TYPE, CONNECTION, dtype_backend="pyarrow")
    expect(exact["c1"].tolist(), [2**53 + 1, pd.NA])
    expect(exact["c3"].dtype, pd.ArrowDtype(pa.decimal128(10, 2)))


def polars_reads_every_type():
    frame = pl.read_database(EVERY_TYPE, CONNECTION)
    schema = {f"c{i}": data_type for i, (*_, data_type, _) in enumerate(TYPES)}
    expect(frame.schema, pl.Schema({"id": pl.Int64} | schema))
    expect(frame.row(0), (1, *(value for _, _, value, _, _ in TYPES)))
    expect(frame.row(1), (2, *(None for _ in TYPES)))
    with query(EVERY_TYPE) as cursor:
        polars.testing.assert_frame_equal(cursor.fetch_polars(), frame)


def both_read_the_data_product_alike():
    product = pl.read_database("SELECT * FROM customer_analytics_c360", CONNECTION)
    expect(product.shape, (15, 42))
    scores = pl.read_database(SCORES, CONNECTION)
    frame = pd.read_sql(SCORES, CONNECTION)
    expect(frame.values.tolist(), [list(row) for row in scores.rows()])
    best = frame.sort_values("customer_health_score", ascending=False).iloc[0]
    expect(
        (best["customer_id"], best["loyalty_tier"], best["total_spent"]),
        ("CUST009", "Platinum", 1019.98),
    )
    by_tier = scores.group_by("loyalty_tier").agg(pl.len(), pl.sum("total_spent").round(2))
    sql = (
        "SELECT loyalty_tier, count(*), round(sum(total_spent), 2) "
        "FROM customer_analytics_c360 GROUP BY 1"
    )
    expect(sorted(by_tier.rows(), key=str), sorted(query(sql).fetchall(), key=str))


def pandas_reads_tables():
    frame = pd.read_sql_table("customers_raw", CONNECTION)
    expect(frame.shape, (15, 12))
    same = pd.read_sql_table(
        "customers_raw", CONNECTION, schema="default", columns=["customer_id", "city"]
    )
    expect(same.columns.tolist(), ["customer_id", "city"])
    expect(same["customer_id"].tolist(), frame["customer_id"].tolist())
    dated = pd.read_sql_query(
        "SELECT customer_id, registration_date FROM customers_raw ORDER BY 1 LIMIT 2",
        CONNECTION,
        index_col="customer_id",
        parse_dates=["registration_date"],
    )
    expect(dated.index.tolist(), ["CUST001", "CUST002"])
    expect(dated["registration_date"].iloc[0], pd.Timestamp("2021-05-01"))


def polars_binds_and_reads_in_batches():
    frame = pl.read_database(
        "SELECT ? + 1 AS n, ? AS s", CONNECTION, execute_options={"parameters": [1, "x"]}
    )
    expect(frame.rows(), [(2, "x")])
    # The sizes of ADBC's batches are the server's.
    batches = pl.read_database(
        "SELECT value FROM range(50000)", CONNECTION, iter_batches=True, batch_size=1
    )
    sizes = [batch.height for batch in batches]
    assert sum(sizes) == 50000 and len(sizes) > 1, sizes
    lazy = (
        pl.read_database("SELECT value FROM range(3)", CONNECTION)
        .lazy()
        .filter(pl.col("value") > 1)
    )
    expect(lazy.collect().rows(), [(2,)])


def results_without_rows_keep_their_columns():
    sql = "SELECT customer_id, total_spent FROM customer_analytics_c360 WHERE false"
    expect(
        pl.read_database(sql, CONNECTION).schema,
        pl.Schema({"customer_id": pl.String, "total_spent": pl.Float64}),
    )
    frame = pd.read_sql(sql, CONNECTION)
    expect((frame.columns.tolist(), len(frame)), (["customer_id", "total_spent"], 0))
    expect([str(dtype) for dtype in frame.dtypes], ["str", "float64"])


def what_is_refused():
    with raises(dbapi.ProgrammingError, "does not exist"):
        pl.read_database("SELECT * FROM nothing", CONNECTION)
    with raises(pd.errors.DatabaseError, "does not exist"):
        pd.read_sql("SELECT * FROM nothing", CONNECTION)
    frame = pl.DataFrame({"a": [1]})
    with raises(dbapi.NotSupportedError, "ingestion"):
        frame.write_database("dataframes_written", CONNECTION, engine="adbc")
    # pandas hides the server's words in the cause.
    try:
        pd.DataFrame({"a": [1]}).to_sql("dataframes_written", CONNECTION, index=False)
        raise AssertionError("to_sql wrote a table")
    except pd.errors.DatabaseError as error:
        assert "ingestion" in str(error.__cause__), error.__cause__
    # These pandas does not have for ADBC.
    for options in ({"params": (1,)}, {"chunksize": 2}):
        with raises(NotImplementedError, "ADBC"):
            pd.read_sql("SELECT ?", CONNECTION, **options)
    expect(pl.read_database("SELECT 1 AS a", CONNECTION).rows(), [(1,)])


warnings.simplefilter("error")
run(
    pandas_reads_every_type,
    polars_reads_every_type,
    both_read_the_data_product_alike,
    pandas_reads_tables,
    polars_binds_and_reads_in_batches,
    results_without_rows_keep_their_columns,
    what_is_refused,
    CONNECTION.close,
)
