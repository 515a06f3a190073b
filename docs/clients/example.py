"""Reads a data product of examples/c360. Argument: HOST:PORT of the server."""

import sys

import adbc_driver_flightsql.dbapi as dbapi

QUERY = """
SELECT customer_id, last_name, loyalty_tier, total_spent
FROM customer_analytics_c360 WHERE total_spent >= ?
ORDER BY total_spent DESC LIMIT 3
"""

with dbapi.connect(f"grpc+tcp://{sys.argv[1]}", autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute(QUERY, (500.0,))
        for row in cursor.fetchall():
            print(*row)
