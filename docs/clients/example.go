// Reads a data product of examples/c360. Argument: HOST:PORT of the server.
package main

import (
	"database/sql"
	"fmt"
	"log"
	"os"

	_ "github.com/apache/arrow-go/v18/arrow/flight/flightsql/driver"
)

const query = `
SELECT customer_id, last_name, loyalty_tier, total_spent
FROM customer_analytics_c360 WHERE total_spent >= ?
ORDER BY total_spent DESC LIMIT 3`

func main() {
	db, err := sql.Open("flightsql", "flightsql://"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query, 500.0)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, name, tier string
		var spent float64
		if err := rows.Scan(&id, &name, &tier, &spent); err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, name, tier, spent)
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
}
