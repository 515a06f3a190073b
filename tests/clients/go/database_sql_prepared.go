package main

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// databaseSQLParameters prepares: the driver does so for whatever has parameters.
func databaseSQLParameters(s server) {
	db := open(s, "")
	defer db.Close()
	var number int64
	var text string
	for _, query := range []string{"SELECT ? + 1, ?", "SELECT $1 + 1, $2"} {
		check(db.QueryRow(query, 41, "it's").Scan(&number, &text))
		equal([]any{number, text}, []any{int64(42), "it's"})
	}
	equal(one[int64](db, "SELECT $1 * $1 + $2", 3, 4), 13)
	equal(one[bool](db, "SELECT ? = false", true), false)
	equal(one[float64](db, "SELECT ? / CAST(2 AS DOUBLE)", 2.5), 1.25)
	equal(one[string](db, "SELECT last_name FROM customers_raw WHERE customer_id = ?", "CUST009"), "Anderson")
	equal(one[int64](db, "SELECT count(*) FROM customer_analytics_c360 WHERE total_spent > ? AND loyalty_tier = ?",
		1000.0, "Platinum"), 1)

	// The driver has no NULL, decimal, date or moment to bind, and refuses them itself.
	for query, value := range map[string]any{
		"SELECT ?":                                   nil,
		"SELECT ? + 1":                               nil,
		"SELECT ? = CAST(1 AS TINYINT)":              1,
		"SELECT ? = DATE '2024-02-29'":               time.Now(),
		"SELECT ? = TIMESTAMP '2024-02-29 00:00:00'": time.Now(),
		"SELECT ? = CAST(1 AS DECIMAL(10, 2))":       1.5,
	} {
		err := db.QueryRow(query, value).Scan(new(any))
		holds(err != nil && strings.Contains(err.Error(), "builder"), "%s gave %v", query, err)
	}
	_, err := db.Query("SELECT ?, ?", "x")
	holds(err != nil && err.Error() == "sql: expected 2 arguments, got 1", "one of two parameters gave %v", err)
	refused(failure(db.Prepare("SELECT ? FROM missing")), codes.NotFound, "missing")
	reuse(db)
}

// databaseSQLCasts holds that a parameter under CAST has the type of the CAST, as SQL says of it.
func databaseSQLCasts(s server) {
	db := open(s, "")
	defer db.Close()
	equal(one[bool](db, "SELECT NOT CAST(? AS BOOLEAN)", true), false)
	equal(one[int64](db, "SELECT CAST(? AS BIGINT)", 7), 7)
	equal(one[float64](db, "SELECT CAST(? AS DOUBLE) / 2", 2.5), 1.25)
	equal(one[string](db, "SELECT CAST(? AS VARCHAR)", "x"), "x")
}

// reuse executes one prepared statement again and again, at once, and with results open.
func reuse(db *sql.DB) {
	statement := must(db.Prepare("SELECT value, value + ? FROM range(2000) WHERE value < ?"))
	defer statement.Close()
	count := func(plus, below int64) {
		found := must(statement.Query(plus, below))
		defer found.Close()
		n := int64(0)
		for ; found.Next(); n++ {
			var value, sum int64
			check(found.Scan(&value, &sum))
			equal(sum, value+plus)
		}
		check(found.Err())
		equal(n, below)
	}
	for i := range int64(20) {
		count(i, i)
	}
	var all sync.WaitGroup
	for i := range int64(16) {
		all.Add(1)
		go func() {
			defer all.Done()
			count(i, 100*i)
		}()
	}
	all.Wait()
	first, second := must(statement.Query(100, 2)), must(statement.Query(200, 2))
	for value := range int64(2) {
		for plus, found := range map[int64]*sql.Rows{100: first, 200: second} {
			var got, sum int64
			holds(found.Next(), "a row is missing")
			check(found.Scan(&got, &sum))
			equal([]int64{got, sum}, []int64{value, value + plus})
		}
	}
	check(first.Close())
	check(second.Close())

	// A change runs once for every execution, and not when it is prepared.
	view := must(db.Prepare("CREATE VIEW go_view AS SELECT 1 AS one"))
	defer view.Close()
	refused(db.QueryRow("SELECT one FROM go_view").Scan(new(any)), codes.NotFound, "go_view")
	equal(must(must(view.Exec()).RowsAffected()), 0)
	refused(failure(view.Exec()), codes.AlreadyExists, "already exists")
	check(failure(db.Exec("DROP VIEW go_view")))
	check(failure(view.Exec()))
	equal(one[int64](db, "SELECT one FROM go_view"), 1)
	check(failure(db.Exec("DROP VIEW go_view")))
}

// databaseSQLCancel holds that a call that is given up ends, here and at the server.
func databaseSQLCancel(s server) {
	db, observer := open(s, ""), open(s, "")
	defer db.Close()
	defer observer.Close()
	db.SetMaxOpenConns(1)
	giveUp := func(ctx context.Context, wanted error, code codes.Code) {
		started := time.Now()
		err := db.QueryRowContext(ctx, endless).Scan(new(int64))
		holds(errors.Is(err, wanted) || status.Code(err) == code, "got %v, expected %v", err, wanted)
		holds(time.Since(started) < 30*time.Second, "giving up took %v", time.Since(started))
		equal(one[int64](db, "SELECT 1"), 1)
		await(func() bool { return len(endlessQueries(observer)) == 0 }, "the query to end")
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		awaitRunning(observer)
	}()
	giveUp(ctx, context.Canceled, codes.Canceled)
	ctx, cancel = context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	giveUp(ctx, context.DeadlineExceeded, codes.DeadlineExceeded)
}

func await(done func() bool, what string) {
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		holds(time.Now().Before(deadline), "waited in vain for %s", what)
	}
}

func awaitRunning(db *sql.DB) {
	runs := func() bool {
		states := endlessQueries(db)
		return len(states) == 1 && states[0] == "running"
	}
	await(runs, "the query to run")
}

// endlessQueries are the states of the endless queries that the server works on.
func endlessQueries(db *sql.DB) []string {
	found := must(db.Query("SHOW QUERIES"))
	defer found.Close()
	var states []string
	for found.Next() {
		var id, user, state, text string
		var elapsed, count int64
		var progress sql.NullFloat64
		check(found.Scan(&id, &user, &state, &elapsed, &count, &text, &progress))
		if text == endless {
			states = append(states, state)
		}
	}
	check(found.Err())
	return states
}
