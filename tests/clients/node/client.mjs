// Mica through @gizmodata/gizmosql-client, which speaks Flight SQL with Apache Arrow's JavaScript reader.
// Arguments: HOST:PORT of a server of examples/c360, and USER PASSWORD if it wants a login. The packages
// come from node_modules here, or in NODE_PATH.
//
// Fails by throwing; prints "ok" at the end.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { FlightSQLClient } = createRequire(import.meta.url)("@gizmodata/gizmosql-client");
const [address, username, password] = process.argv.slice(2);
const [host, port] = address.split(":");

const connect = async (login) => {
  const client = new FlightSQLClient({ host, port: Number(port), plaintext: true, ...login });
  await client.connect();
  return client;
};

const rows = async (client, sql) => (await client.execute(sql)).toArray().map((row) => Object.values(row.toJSON()));

const one = async (client, expression) => (await rows(client, `SELECT ${expression}`))[0][0];

async function metadata(client) {
  assert.deepEqual(await client.getCatalogs(), ["mica"]);
  const schemas = ["default", "information_schema"].map((schema) => ({ catalog: "mica", schema }));
  assert.deepEqual(await client.getSchemas(), schemas);
  assert.deepEqual(await client.getSchemas("mica"), schemas);
  assert.deepEqual(await client.getSchemas("other"), []);
  const table = (tableName, tableType) => ({ catalog: "mica", schema: "default", tableName, tableType });
  const raw = table("customers_raw", "TABLE");
  const view = table("customer_analytics_c360", "VIEW");
  assert.deepEqual(await client.getTables("mica", "def%", "customer%"), [view, raw]);
  assert.deepEqual(await client.getTables(undefined, undefined, "customer%", ["TABLE"]), [raw]);
  assert.deepEqual(await client.getTables("mica", "default", "customer%", ["VIEW"]), [view]);
  assert.deepEqual(await client.getTables("other"), []);
  assert((await client.getTables()).length > 14);
  assert.deepEqual(await client.getTableTypes(), ["TABLE", "VIEW"]);

  const info = await client.getSqlInfo();
  assert.equal(info.get(0), "Mica");
  assert.equal(info.get(504), '"');
  assert.equal(info.get(8), 0); // no transactions
  assert.equal(info.get(9), true); // CancelFlightInfo
  assert.equal(info.get(541), 0n); // no limit to the length of literals
  assert.deepEqual(await client.getSqlInfo([0, 8, 499999]), new Map([[0, "Mica"], [8, 0]]));

  const actions = (await client.listActions()).map((action) => action.getType());
  for (const action of ["CreatePreparedStatement", "ClosePreparedStatement", "CancelFlightInfo", "CloseSession"]) {
    assert(actions.includes(action), action);
  }
  const paths = (await client.listFlights()).map((flight) => flight.getFlightDescriptor().getPathList().at(-1));
  assert(paths.includes("customers_raw"), String(paths));
  assert.equal(await client.discoverOAuthUrl(), null);
}

async function types(client) {
  const moment = Date.UTC(2024, 1, 29, 12, 34, 56, 789);
  for (const [expression, expected] of [
    ["true", true],
    ["arrow_cast(-8, 'Int8')", -8],
    ["CAST(-16 AS SMALLINT)", -16],
    ["CAST(-32 AS INT)", -32],
    ["9007199254740993", 9007199254740993n],
    ["CAST(1.5 AS REAL)", 1.5],
    ["CAST(-2.25 AS DOUBLE)", -2.25],
    ["'héllo\nwörld'", "héllo\nwörld"],
    ["''", ""],
    ["X'00ff'", new Uint8Array([0, 255])],
    ["DATE '2024-02-29'", Date.UTC(2024, 1, 29)],
    ["TIME '12:34:56.789123'", 45296789123n],
    ["TIMESTAMP '2024-02-29 12:34:56.789'", moment],
    [`arrow_cast(TIMESTAMP '2024-02-29 12:34:56.789', 'Timestamp(Microsecond, Some("UTC"))')`, moment],
    ["NULL", null],
    ["CAST(NULL AS BIGINT)", null],
    ["CAST(NULL AS TIMESTAMP)", null],
    ["CAST(NULL AS DECIMAL(10, 2))", null],
    // What Arrow has more than one type for arrives as the plain one.
    ["arrow_cast(200, 'UInt8')", 200],
    ["arrow_cast('v', 'Utf8View')", "v"],
    ["arrow_cast('d', 'Dictionary(Int32, Utf8)')", "d"],
  ]) {
    assert.deepEqual(await one(client, expression), expected, expression);
  }
  // Arrow's JavaScript leaves it to the caller to apply a decimal's scale.
  const decimals = await client.execute("SELECT CAST(-12.34 AS DECIMAL(10, 2)) AS d");
  assert.deepEqual([decimals.schema.fields[0].type.scale, String(decimals.get(0).d)], [2, "-1234"]);
  assert.deepEqual([...(await one(client, "[1, NULL, 3]"))], [1n, null, 3n]);
  const nested = await one(client, "named_struct('a', 1, 'b', 'x')");
  assert.deepEqual(nested.toJSON(), { a: 1n, b: "x" });

  const empty = await client.execute('SELECT 1 AS a, \'x\' AS "B c" WHERE 1 = 0');
  assert.equal(empty.numRows, 0);
  assert.deepEqual(empty.schema.fields.map((field) => `${field.name}: ${field.type}`), ["a: Int64", "B c: Utf8"]);
  assert.equal(empty.schema.fields[0].metadata.get("ARROW:FLIGHT:SQL:TYPE_NAME"), "BIGINT");
}

async function queries(client) {
  const sql = "SELECT customer_id, last_name, total_spent FROM customer_analytics_c360 WHERE customer_id = 'CUST009'";
  assert.deepEqual(await rows(client, sql), [["CUST009", "Anderson", 1019.98]]);
  const many = await client.execute("SELECT value, CASE WHEN value % 2 = 0 THEN value END AS even FROM range(300000)");
  assert.equal(many.numRows, 300000);
  assert.equal(many.getChild("even").nullCount, 150000);
  let sum = 0n;
  for (const value of many.getChild("value")) sum += value;
  assert.equal(sum, 44999850000n);
  const numbers = [...Array(20).keys()];
  const answers = await Promise.all(numbers.map((number) => one(client, `${number} + 1`)));
  assert.deepEqual(answers, numbers.map((number) => BigInt(number + 1)));

  assert.equal((await client.execute("CREATE OR REPLACE VIEW node_view AS SELECT 1 AS one")).numRows, 0);
  assert.deepEqual(await rows(client, "SELECT one FROM node_view"), [[1n]]);
  await refused(client.execute("CREATE VIEW node_view AS SELECT 2 AS one"), /already exists/);
  await client.execute("DROP VIEW node_view");
  await refused(client.execute("SELECT one FROM node_view"), /'default.node_view' does not exist/);
}

const refused = (call, message) => assert.rejects(call, { message });

async function errors(client) {
  await refused(client.execute("SELEC 1"), /^Failed to execute query: syntax error at line 1, column 1/);
  await refused(client.execute("SELECT * FROM missing"), /'default.missing' does not exist/);
  await refused(client.execute("SELECT 1 / 0"), /zero/);
  await refused(client.execute("SELECT 1; SELECT 2"), /one statement/);
  assert.equal(await one(client, "1"), 1n);

  // The client is wrong here. It sends these commands without the Any that they have to be in,
  await refused(client.getPrimaryKeys("mica", "default", "customers_raw"), /^Failed to get primary keys/);
  await refused(client.getForeignKeys("mica", "default", "customers_raw"), /^Failed to get foreign keys/);
  await refused(client.getQuerySchema("SELECT 1"), /^Failed to get query schema/);
  // and a descriptor where an action belongs. So it has no parameters, either.
  await refused(client.prepare("SELECT 1"), /Expected argument of type arrow.flight.protocol.Action/);
}

// Logins have sessions of their own; without one, clients of a process share a connection, and so a session.
async function sessions(client) {
  await client.execute("SET dialect = 'spark'");
  assert.equal(await one(client, "CAST(7 / 2 AS DOUBLE)"), 3.5);
  if (username) {
    const other = await connect({ username, password });
    assert.equal(await one(other, "CAST(7 / 2 AS DOUBLE)"), 3);
    await other.close();
    assert.equal(await one(client, "CAST(7 / 2 AS DOUBLE)"), 3.5);
  }
  await client.execute("RESET dialect");
  assert.equal(await one(client, "CAST(7 / 2 AS DOUBLE)"), 3);
}

async function logins() {
  const stranger = { username: "mallory", password: "wrong" };
  if (!username) { // A server that is open to anybody listens to no claim.
    for (const login of [stranger, { token: "unknown" }]) {
      const client = await connect(login);
      assert.equal(await one(client, "1"), 1n);
      await client.close();
    }
    return;
  }
  await refused(connect(stranger), /wrong user or password/);
  await refused(connect({ token: "unknown" }), /token|password/);
  const nobody = await connect({});
  await refused(nobody.execute("SELECT 1"), /password/);
  nobody.client.close(); // close() would complain that it cannot close a session
}

const client = await connect({ username, password });
await metadata(client);
await types(client);
await queries(client);
await errors(client);
await sessions(client);
await client.close();
await logins();
console.log("ok");
