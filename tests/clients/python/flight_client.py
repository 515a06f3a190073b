"""Mica through pyarrow.flight, without a Flight SQL client: descriptors, tickets, flights, actions.

Argument: the URL of a server of examples/c360 without a password. Fails by raising; prints "ok" at
the end.
"""

import sys
import threading

import pyarrow as pa
import pyarrow.flight as flight
from checks import expect, raises, run, until

URI = sys.argv[1].replace("grpc://", "grpc+tcp://")
CLIENT = flight.connect(URI)
ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.value * b.value = 13"
COMMAND = flight.FlightDescriptor.for_command
PATH = flight.FlightDescriptor.for_path


def varint(number):
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def field(number, value):
    """A field of a protobuf message: bytes, or a number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def command(name, *fields):
    """The descriptor of a Flight SQL command: a message in an `Any`."""
    url = f"type.googleapis.com/arrow.flight.protocol.sql.{name}"
    return COMMAND(field(1, url.encode()) + field(2, b"".join(fields)))


def query(sql):
    return command("CommandStatementQuery", field(1, sql.encode()))


def ticket(descriptor, client=CLIENT):
    (endpoint,) = client.get_flight_info(descriptor).endpoints
    return endpoint.ticket


def rows(descriptor, client=CLIENT):
    return client.do_get(ticket(descriptor, client)).read_all().to_pylist()


def a_query_and_its_ticket():
    descriptor = query("SELECT 1 AS a, 'x' AS b")
    info = CLIENT.get_flight_info(descriptor)
    expect((info.schema.names, info.schema.types), (["a", "b"], [pa.int64(), pa.string()]))
    expect(info.schema.field("a").metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"], b"BIGINT")
    expect((info.descriptor, info.total_records, info.total_bytes), (descriptor, -1, -1))
    (endpoint,) = info.endpoints
    expect(endpoint.locations, [])  # fetch it where the info came from
    for client in (CLIENT, CLIENT, flight.connect(URI)):
        table = client.do_get(endpoint.ticket).read_all()
        assert table.schema.equals(info.schema, check_metadata=True), table.schema
        expect(table.to_pylist(), [{"a": 1, "b": "x"}])
    empty = CLIENT.do_get(ticket(query("SELECT 1 AS a WHERE false"))).read_all()
    expect((empty.num_rows, empty.schema.names), (0, ["a"]))
    chunks = [
        chunk.data.num_rows for chunk in CLIENT.do_get(ticket(query("SELECT * FROM range(50000)")))
    ]
    assert sum(chunks) == 50000 and len(chunks) > 1, chunks


def plain_text_is_a_query():
    expect(rows(COMMAND("SELECT 2 AS a")), [{"a": 2}])
    expect(rows(COMMAND("\n  SELECT 'é' AS a;\n")), [{"a": "é"}])
    with raises(pa.ArrowInvalid, "found 'hello'"):
        CLIENT.get_flight_info(COMMAND("hello"))


def plain_text_has_a_schema():
    """GetSchema takes what GetFlightInfo takes."""
    expect(CLIENT.get_schema(COMMAND("SELECT 2 AS a")).schema.names, ["a"])


def schemas_without_running():
    for descriptor in [
        query("SELECT 1 / 0 AS a"),
        query("SHOW TABLES"),
        PATH("customers_raw"),
        *(
            command(f"CommandGet{name}")
            for name in ("Catalogs", "DbSchemas", "Tables", "TableTypes", "SqlInfo", "XdbcTypeInfo")
        ),
        command("CommandGetTables", field(5, 1)),  # include_schema
        command("CommandGetPrimaryKeys", field(3, b"customers_raw")),
    ]:
        schema = CLIENT.get_schema(descriptor).schema
        info = CLIENT.get_flight_info(descriptor)
        assert len(schema) > 0 and schema.equals(info.schema, check_metadata=True), descriptor
        if b"/ 0" not in (descriptor.command or b""):
            expect(CLIENT.do_get(info.endpoints[0].ticket).read_all().schema, schema)
    change = query("CREATE VIEW flight_client_never AS SELECT 1 AS a")
    expect(CLIENT.get_schema(change).schema, pa.schema([]))
    with raises(pa.ArrowKeyError, "does not exist"):
        CLIENT.get_flight_info(PATH("flight_client_never"))


def changes_are_made_once():
    change = query("CREATE VIEW flight_client_view AS SELECT 1 AS a")
    info = CLIENT.get_flight_info(change)
    expect((info.schema, info.total_records), (pa.schema([]), 0))
    expect(info.app_metadata, b"created view 'default.flight_client_view'")
    for _ in range(2):
        expect(CLIENT.do_get(info.endpoints[0].ticket).read_all().num_rows, 0)
    with raises(pa.ArrowException, "already exists"):
        CLIENT.get_flight_info(change)
    expect(rows(PATH("flight_client_view")), [{"a": 1}])
    CLIENT.get_flight_info(query("DROP VIEW flight_client_view"))


def relations_are_flights():
    flights = {tuple(info.descriptor.path): info for info in CLIENT.list_flights()}
    counts = {b"customers_raw": 15, b"customer_analytics_c360": 15, b"src_transactions": 27}
    for name, count in counts.items():
        info = flights[(b"default", name)]
        expect((info.total_records, len(info.endpoints)), (-1, 1))
        for _ in range(2):
            table = CLIENT.do_get(info.endpoints[0].ticket).read_all()
            assert table.schema.equals(info.schema, check_metadata=True), name
            expect((name, table.num_rows), (name, count))
    listed = {relation for schema, relation in flights if schema == b"default"}
    shown = {row["table_name"].encode() for row in rows(query("SHOW TABLES IN default"))}
    expect(listed, shown)


def paths_are_relations():
    for path in [
        ("customers_raw",),
        ("default", "customers_raw"),
        ("mica", "default", "customers_raw"),
        ("DEFAULT", "Customers_Raw"),
    ]:
        expect(len(rows(PATH(*path))), 15)
        expect(CLIENT.get_schema(PATH(*path)).schema.names[0], "customer_id")
        expect(CLIENT.get_flight_info(PATH(*path)).descriptor, PATH(*path))
    assert rows(PATH("information_schema", "schemata"))
    for path in [("nothing",), ("nowhere", "customers_raw"), ('customers_raw" WHERE false --',)]:
        with raises(pa.ArrowKeyError, "does not exist"):
            CLIENT.get_flight_info(PATH(*path))
    for path in [(), ("a", "mica", "default", "customers_raw")]:
        with raises(pa.ArrowInvalid):
            CLIENT.get_flight_info(PATH(*path))


def tickets_that_are_not_ours_are_refused():
    good = ticket(query("SELECT 1 AS a")).ticket
    changed = good.replace(b"SELECT 1", b"SELECT 2")
    assert changed != good
    for bad in (b"junk", good[:-3], changed):
        with raises(pa.ArrowInvalid, "message: "):
            CLIENT.do_get(flight.Ticket(bad)).read_all()
    expect(CLIENT.do_get(flight.Ticket(good)).read_all().to_pylist(), [{"a": 1}])


def errors_say_what_is_wrong():
    for descriptor, kind, text in [
        (query("SELEC 1"), pa.ArrowInvalid, "found 'SELEC'"),
        (query("SELECT * FROM nothing"), pa.ArrowKeyError, "'default.nothing' does not exist"),
        (
            query("DELETE FROM customers_raw"),
            pa.ArrowNotImplementedError,
            "DELETE is not supported",
        ),
        (command("CommandNothing"), pa.ArrowNotImplementedError, "CommandNothing is not"),
        (COMMAND(b"\xff\x00\x01"), pa.ArrowInvalid, "not a Flight SQL command"),
    ]:
        with raises(kind, text):
            CLIENT.get_flight_info(descriptor)
    with raises(pa.ArrowInvalid, "Divide by zero"):
        rows(query("SELECT 1 / (value - 1) FROM range(3)"))
    with raises(pa.ArrowNotImplementedError, "DoExchange is not supported"):
        writer, reader = CLIENT.do_exchange(COMMAND("x"))
        reader.read_all()


def a_descriptor_without_a_command_is_refused():
    wrong = []
    for call in [
        lambda: CLIENT.get_flight_info(COMMAND(b"")),
        lambda: CLIENT.get_schema(COMMAND(b"")),
        lambda: CLIENT.do_get(flight.Ticket(b"")).read_all(),
        lambda: CLIENT.do_put(PATH("x"), pa.schema([("a", pa.int64())]))[0].close(),
    ]:
        try:
            with raises(pa.ArrowInvalid, "command"):
                call()
        except (pa.ArrowException, AssertionError) as error:
            wrong.append(str(error))
    expect(wrong, [])


def actions():
    listed = {action.type: action.description for action in CLIENT.list_actions()}
    sql = {"CreatePreparedStatement", "ClosePreparedStatement", "CancelQuery"}
    core = {"CancelFlightInfo", "RenewFlightEndpoint"}
    session = {"SetSessionOptions", "GetSessionOptions", "CloseSession"}
    expect(set(listed), sql | core | session)
    assert all(listed.values()), listed
    with raises(pa.ArrowNotImplementedError, "nothing"):
        list(CLIENT.do_action(flight.Action("nothing", b"")))
    for name in sql | core:
        with raises(pa.ArrowInvalid):
            list(CLIENT.do_action(flight.Action(name, b"\xff")))
    # A renewed endpoint has another ticket for the same rows, and says how long it is good.
    (endpoint,) = CLIENT.get_flight_info(query("SELECT 1 AS a")).endpoints
    (result,) = CLIENT.do_action(
        flight.Action("RenewFlightEndpoint", field(1, endpoint.serialize()))
    )
    renewed = flight.FlightEndpoint.deserialize(result.body.to_pybytes())
    assert renewed.expiration_time is not None, renewed
    expect(CLIENT.do_get(renewed.ticket).read_all().to_pylist(), [{"a": 1}])


def running():
    return any(
        row["statement"] == ENDLESS for row in rows(query("SHOW QUERIES"), flight.connect(URI))
    )


def queries_are_cancelled():
    descriptor = query(ENDLESS)
    with raises(flight.FlightTimedOutError):
        CLIENT.do_get(ticket(descriptor), flight.FlightCallOptions(timeout=0.5)).read_all()
    until(lambda: not running())
    reader = CLIENT.do_get(ticket(descriptor))
    until(running)
    threading.Timer(0.1, reader.cancel).start()
    with raises(flight.FlightCancelledError):
        reader.read_chunk()  # read_all would make a KeyboardInterrupt of it
    until(lambda: not running())
    # By its FlightInfo; what was cancelled does not start again.
    info = CLIENT.get_flight_info(descriptor)
    reader = CLIENT.do_get(info.endpoints[0].ticket)
    until(running)
    cancel = flight.Action("CancelFlightInfo", field(1, info.serialize()))
    (result,) = CLIENT.do_action(cancel)
    expect(result.body.to_pybytes(), field(1, 1))  # CANCEL_STATUS_CANCELLED
    for again in (reader, None):
        with raises(flight.FlightCancelledError, "cancelled"):
            (again or CLIENT.do_get(info.endpoints[0].ticket)).read_chunk()
    until(lambda: not running())


def a_login_is_a_session():
    login = flight.FlightCallOptions(headers=[CLIENT.authenticate_basic_token("ann", "x")])
    CLIENT.get_flight_info(query("SET dialect = 'spark'"), login)
    half = CLIENT.get_flight_info(query("SELECT 7 / 2 AS half"), login)
    expect(CLIENT.do_get(half.endpoints[0].ticket, login).read_all().to_pylist(), [{"half": 3.5}])
    expect(rows(query("SELECT 7 / 2 AS half")), [{"half": 3}])
    # The ticket is hers.
    with raises(flight.FlightUnauthorizedError, "another user's"):
        CLIENT.do_get(half.endpoints[0].ticket).read_all()
    nobody = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer None")])
    expect(len(CLIENT.get_flight_info(query("SELECT 1"), nobody).endpoints), 1)


run(
    a_query_and_its_ticket,
    plain_text_is_a_query,
    plain_text_has_a_schema,
    schemas_without_running,
    changes_are_made_once,
    relations_are_flights,
    paths_are_relations,
    tickets_that_are_not_ours_are_refused,
    errors_say_what_is_wrong,
    a_descriptor_without_a_command_is_refused,
    actions,
    queries_are_cancelled,
    a_login_is_a_session,
    CLIENT.close,
)
