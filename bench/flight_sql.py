"""Flight SQL by hand: what the benchmarks send, without a driver between."""


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def command(name, body):
    """A command of Flight SQL in an Any, as every client sends it."""
    url = f"type.googleapis.com/arrow.flight.protocol.sql.{name}".encode()
    return field(1, url) + field(2, body)


def statement(sql):
    """A CommandStatementQuery."""
    return command("CommandStatementQuery", field(1, sql.encode()))
