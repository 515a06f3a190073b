// Reads a data product of examples/c360. Argument: HOST:PORT of the server.
import gizmosql from "@gizmodata/gizmosql-client";

const query = `
  SELECT customer_id, last_name, loyalty_tier, total_spent
  FROM customer_analytics_c360 WHERE total_spent >= 500
  ORDER BY total_spent DESC LIMIT 3`;

const [host, port] = process.argv[2].split(":");
const client = new gizmosql.FlightSQLClient({ host, port: Number(port), plaintext: true });
await client.connect();
const table = await client.execute(query);
for (const row of table) {
  console.log(row.customer_id, row.last_name, row.loyalty_tier, row.total_spent);
}
await client.close();
