"""Parameters through ADBC: every Arrow type, their types as advertised, and what is refused.

Argument: the URL of a server of examples/c360. Fails by raising; prints "ok" at the end.
"""

import datetime as dt
import decimal
import sys

import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
from checks import expect, raises, run

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")
CONNECTION = dbapi.connect(URI, autocommit=True)
D = decimal.Decimal
UTC = dt.timezone.utc
LEAP = dt.datetime(2024, 2, 29, 12, 30, 15)
ZONED = LEAP.replace(tzinfo=UTC)

# Type of the parameter, a value, type of `SELECT ?`: what every client can read.
TYPES = [
    (pa.null(), None, pa.string()),
    (pa.bool_(), True, pa.bool_()),
    (pa.int8(), -(2**7), pa.int8()),
    (pa.int16(), -(2**15), pa.int16()),
    (pa.int32(), -(2**31), pa.int32()),
    (pa.int64(), -(2**63), pa.int64()),
    (pa.uint8(), 2**8 - 1, pa.int16()),
    (pa.uint16(), 2**16 - 1, pa.int32()),
    (pa.uint32(), 2**32 - 1, pa.int64()),
    (pa.uint64(), 2**64 - 1, pa.decimal128(20, 0)),
    (pa.float16(), 1.5, pa.float32()),
    (pa.float32(), 1.5, pa.float32()),
    (pa.float64(), -1e300, pa.float64()),
    (pa.decimal32(5, 2), D("-123.45"), pa.decimal128(5, 2)),
    (pa.decimal64(15, 2), D("123.45"), pa.decimal128(15, 2)),
    (pa.decimal128(38, 10), D("-1234567890.0123456789"), pa.decimal128(38, 10)),
    (pa.decimal256(20, 5), D("1.12345"), pa.decimal128(20, 5)),
    (pa.decimal256(50, 2), D(10) ** 40, pa.decimal256(50, 2)),
    (pa.date32(), dt.date(2024, 2, 29), pa.date32()),
    (pa.date64(), dt.date(1969, 12, 31), pa.date32()),
    (pa.time32("s"), dt.time(23, 59, 59), pa.time64("us")),
    (pa.time32("ms"), dt.time(1, 2, 3, 4000), pa.time64("us")),
    (pa.time64("us"), dt.time(1, 2, 3, 456789), pa.time64("us")),
    (pa.time64("ns"), dt.time(1, 2, 3, 456789), pa.time64("us")),
    (pa.timestamp("s"), LEAP, pa.timestamp("us")),
    (pa.timestamp("ms"), LEAP, pa.timestamp("us")),
    (pa.timestamp("us"), dt.datetime.min, pa.timestamp("us")),
    (pa.timestamp("us"), dt.datetime.max, pa.timestamp("us")),
    (pa.timestamp("ns"), LEAP, pa.timestamp("us")),
    (pa.timestamp("us", "UTC"), ZONED, pa.timestamp("us", "UTC")),
    (pa.timestamp("ms", "Asia/Tokyo"), ZONED, pa.timestamp("us", "Asia/Tokyo")),
    (pa.duration("us"), dt.timedelta(days=1, microseconds=5), pa.duration("us")),
    (pa.month_day_nano_interval(), pa.MonthDayNano([1, 2, 3000]), pa.month_day_nano_interval()),
    (pa.string(), "grüße 'x' \x00 \U0001f600", pa.string()),
    (pa.string(), "", pa.string()),
    (pa.large_string(), "large", pa.string()),
    (pa.string_view(), "longer than twelve bytes", pa.string()),
    (pa.binary(), b"\x00\xff", pa.binary()),
    (pa.large_binary(), b"", pa.binary()),
    (pa.binary_view(), b"longer than twelve bytes", pa.binary()),
    (pa.binary(4), b"abcd", pa.binary()),
    (pa.list_(pa.int64()), [1, None, 3], pa.list_(pa.int64())),
    (pa.large_list(pa.string()), ["a"], pa.list_(pa.string())),
    (pa.list_(pa.int32(), 2), [1, 2], pa.list_(pa.int32())),
    (pa.list_view(pa.int64()), [1, 2], pa.list_(pa.int64())),
    (pa.struct([("a", pa.int64())]), {"a": 1}, pa.struct([("a", pa.int64())])),
    (pa.map_(pa.string(), pa.int64()), [("k", 1)], pa.map_(pa.string(), pa.int64())),
    (pa.dictionary(pa.int32(), pa.string()), "x", pa.string()),
]


def row(*arrays):
    return pa.record_batch(list(arrays), names=[str(i) for i in range(len(arrays))])


def answer(sql, parameters=None):
    """The rows of a query, each as its value if it has one column."""
    with CONNECTION.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [line[0] if len(line) == 1 else line for line in cursor.fetchall()]


def advertised(sql):
    with CONNECTION.cursor() as cursor:
        schema = cursor.adbc_prepare(sql)
        return schema and list(zip(schema.names, schema.types, (f.nullable for f in schema)))


def every_arrow_type_comes_back():
    for data_type, value, result in TYPES:
        for bound in (value, None):
            with CONNECTION.cursor() as cursor:
                array = pa.array([bound], data_type)
                cursor.execute("SELECT ? AS v, arrow_typeof(?) AS t", row(array, array))
                expect((data_type, cursor.description[0][1]), (data_type, result))
                expect((data_type, cursor.fetchone()[0]), (data_type, bound))
                expect(cursor.fetchone(), None)


def python_values_come_back():
    # Not Decimal("1E+2"): the driver's pyarrow makes decimal128(3, 0) of it.
    for value in (
        None,
        True,
        2**40,
        1.5,
        "x",
        b"x",
        D("1.50"),
        LEAP,
        ZONED,
        LEAP.date(),
        [1],
        {"a": 1},
    ):
        expect(answer("SELECT ?", (value,)), [value])
    expect(answer("SELECT ?, ?, ?", [1, None, "x"]), [(1, None, "x")])


def types_are_inferred_and_advertised():
    numbers = "(VALUES (1, CAST(1.5 AS DECIMAL(10,2)), DATE '2024-02-29')) t(a, b, c)"
    for sql, types in [
        ("SELECT ?", [pa.string()]),
        ("SELECT upper(?), ? + 1, ? + 1.5", [pa.string(), pa.int64(), pa.float64()]),
        (f"SELECT a FROM {numbers} WHERE a = ? AND b < ?", [pa.int64(), pa.decimal128(10, 2)]),
        (f"SELECT a FROM {numbers} WHERE c BETWEEN ? AND ?", [pa.date32(), pa.date32()]),
        (f"SELECT a FROM {numbers} WHERE a IN (?, 2) LIMIT ?", [pa.int64(), pa.int64()]),
        # Milliseconds: the JDBC driver writes them whatever the unit.
        ("SELECT TIMESTAMP '2024-02-29 00:00:00' > ?", [pa.timestamp("ms")]),
    ]:
        expected = [(f"${i + 1}", data_type, True) for i, data_type in enumerate(types)]
        expect((sql, advertised(sql)), (sql, expected))
    expect(advertised("SELECT 1"), None)
    expect(advertised("DROP VIEW IF EXISTS nothing"), None)


def parameters_stand_wherever_values_do():
    table = "(VALUES (1, 'a'), (2, 'b'), (3, 'c')) t(n, s)"
    for sql, values, expected in [
        (f"SELECT n FROM {table} WHERE s = ?", ("b",), [2]),
        (f"SELECT n FROM {table} WHERE n IN (?, ?) ORDER BY n", (3, 1), [1, 3]),
        (f"SELECT n FROM {table} WHERE n NOT BETWEEN ? AND ?", (1, 2), [3]),
        (f"SELECT s FROM {table} WHERE s LIKE ?", ("_",), ["a", "b", "c"]),
        (f"SELECT n FROM {table} ORDER BY n LIMIT ? OFFSET ?", (1, 1), [2]),
        (f"SELECT n % ?, sum(n) FROM {table} GROUP BY 1 HAVING sum(n) > ?", (2, 3), [(1, 4)]),
        (f"SELECT n FROM {table} WHERE n = ? OR ? IS NULL ORDER BY n", (1, None), [1, 2, 3]),
        (f"SELECT n FROM {table} WHERE n = ?", (None,), []),
        (f"SELECT x.n FROM {table} JOIN (SELECT ? AS n) x ON x.n = t.n", (2,), [2]),
        ("WITH w AS (SELECT ? AS a) SELECT a FROM w", ("w",), ["w"]),
        ("VALUES (?, ?)", (1, "a"), [(1, "a")]),
        ("SELECT CAST(? AS DECIMAL(10,2))", ("1.5",), [D("1.50")]),
        ("SELECT coalesce(?, 'z') || ?", (None, "x"), ["zx"]),
        ("SELECT $2, $1, $2", (1, "x"), [("x", 1, "x")]),
        ('SELECT \'?\', ? /* ? */ -- ?\n, "?" FROM (VALUES (9)) t("?")', ("a",), [("?", "a", 9)]),
    ]:
        expect((sql, answer(sql, values)), (sql, expected))


def values_of_related_types_are_converted():
    for sql, value in [
        ("SELECT DATE '2024-02-29' = ?", "2024-02-29"),
        ("SELECT DATE '2024-02-29' = ?", dt.datetime(2024, 2, 29)),
        ("SELECT TIMESTAMP '2024-02-29 00:00:00' = ?", dt.date(2024, 2, 29)),
        ("SELECT TIMESTAMP '2024-02-29 12:30:15' = ?", ZONED),
        ("SELECT TIMESTAMP '2024-02-29 12:30:15.123456' = ?", LEAP.replace(microsecond=123456)),
        ("SELECT CAST(7 AS SMALLINT) = ?", 7),
        ("SELECT 7 = ?", "7"),
        ("SELECT CAST(1.50 AS DECIMAL(10,2)) = ?", D("1.5")),
        ("SELECT X'61' = ?", b"a"),
        ("SELECT TIME '01:02:03.456789' = ?", dt.time(1, 2, 3, 456789)),
    ]:
        expect((sql, answer(sql, (value,))), (sql, [True]))
    with raises(dbapi.ProgrammingError, "ast"):
        answer("SELECT 1 = ?", ("x",))
    # Too large for the column's type: no row has it.
    expect(answer("SELECT CAST(1 AS SMALLINT) = ?", (2**20,)), [False])


def no_value_loses_a_part_to_fit():
    """A value that the inferred type cannot hold is compared as it is, or refused."""
    wrong = []
    for sql, value, expected in [
        ("SELECT 1 = ?", 1.5, False),
        ("SELECT 1 < ?", 1.5, True),
        ("SELECT ? + 1", 1.5, 2.5),
        ("SELECT 1 IN (?)", D("1.4"), False),
        ("SELECT CAST(1.50 AS DECIMAL(10,2)) = ?", D("1.504"), False),
        ("SELECT DATE '2024-02-29' < ?", LEAP, True),
        ("SELECT round(2 / ?, 2)", 1.5, 1.33),
        ("SELECT n FROM (VALUES (1), (2)) t(n) ORDER BY n LIMIT ?", 1.5, None),
    ]:
        try:
            found = answer(sql, (value,))
        except dbapi.DatabaseError:
            continue
        if found != [expected]:
            wrong.append((sql, value, found))
    expect(wrong, [])


def a_union_is_the_value_in_it():
    """flightsql-dbapi binds every parameter as a union of all types that it knows."""
    children = [pa.int64(), pa.float64(), pa.string(), pa.binary(), pa.bool_()]
    wrong = []
    for child, value, sql in [
        (0, 1, "SELECT ? + 1 = 2"),
        (1, 1.5, "SELECT CAST(1 AS DOUBLE) < ?"),
        (2, "2020-01-01", "SELECT DATE '2024-02-29' > ?"),
        (2, "x", "SELECT upper(?) = 'X'"),
        (2, "12", "SELECT CAST(? AS BIGINT) = 12"),
        (0, 2, "SELECT CAST(1.5 AS DOUBLE) < ?"),
        (4, True, "SELECT ?"),
    ]:
        arrays = [pa.array([value] if i == child else [], t) for i, t in enumerate(children)]
        union = pa.UnionArray.from_dense(
            pa.array([child], pa.int8()), pa.array([0], pa.int32()), arrays
        )
        try:
            found = answer(sql, row(union))
        except dbapi.Error as error:
            found = error
        if found != [True]:
            wrong.append((sql, value, found))
    expect(wrong, [])


def arrow_data_of_one_row_is_bound():
    batch = row(pa.array([7]))
    table = pa.Table.from_batches([batch])
    with CONNECTION.cursor() as cursor:
        for bound in (batch, table, table.to_reader()):
            expect(cursor.execute("SELECT ? + 1 AS n", bound).fetchall(), [(8,)])
    # A query answers one row; more are refused, not silently dropped.
    two = pa.Table.from_batches([batch, batch])
    for bound in (two, row(pa.array([1, 2]))):
        with raises(dbapi.ProgrammingError, "one row of parameters"):
            answer("SELECT ? AS n", bound)


def the_number_of_values_must_fit():
    for sql, values in [("SELECT ? + ?", (1,)), ("SELECT ?", (1, 2)), ("SELECT 1", (1,))]:
        with raises(
            dbapi.ProgrammingError, f"{sql.count('?')} parameters", f"{len(values)} values"
        ):
            answer(sql, values)
    with raises(dbapi.ProgrammingError, "$1"):
        answer("SELECT ?")
    # Parameters by name the driver does not know.
    with raises(dbapi.NotSupportedError, "bind_by_name"):
        answer("SELECT $1", {"$1": 1})


def one_prepared_statement_takes_many_values():
    with CONNECTION.cursor() as cursor:
        for value in (1, "x", None, 1.5, LEAP):
            expect(cursor.execute("SELECT ? AS v", (value,)).fetchall(), [(value,)])
        with raises(dbapi.ProgrammingError):
            cursor.execute("SELECT ? AS v", (1, 2))
        expect(cursor.execute("SELECT ? AS v", ("again",)).fetchall(), [("again",)])
        text = "y" * 4_000_000
        expect(cursor.execute("SELECT length(?) AS n", (text,)).fetchall(), [(len(text),)])


def executemany_does_not_run_queries():
    with CONNECTION.cursor() as cursor:
        for rows in ([(1,), (2,)], [(1,)]):
            with raises(dbapi.Error, "run it as a query"):
                cursor.executemany("SELECT ? AS n", rows)
        with raises(dbapi.ProgrammingError, "run it as a query"):
            cursor.executemany("SELECT 1 AS n", None)
        cursor.executemany("SELECT ? AS n", [])  # no rows: the driver does nothing
        with raises(dbapi.NotSupportedError, "INSERT is not supported"):
            cursor.executemany("INSERT INTO customers_raw VALUES (?)", [("a",), ("b",)])
        expect(cursor.execute("SELECT ? AS n", (1,)).fetchall(), [(1,)])


run(
    every_arrow_type_comes_back,
    python_values_come_back,
    types_are_inferred_and_advertised,
    parameters_stand_wherever_values_do,
    values_of_related_types_are_converted,
    no_value_loses_a_part_to_fit,
    a_union_is_the_value_in_it,
    arrow_data_of_one_row_is_bound,
    the_number_of_values_must_fit,
    one_prepared_statement_takes_many_values,
    executemany_does_not_run_queries,
    CONNECTION.close,
)
