package main

import (
	"database/sql"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/driver"
	"google.golang.org/grpc/codes"
)

func open(s server, parameters string) *sql.DB {
	return must(sql.Open("flightsql", s.dsn(parameters)))
}

// one is the value that a query gives.
func one[T any](db *sql.DB, query string, arguments ...any) T {
	var value T
	err := db.QueryRow(query, arguments...).Scan(&value)
	holds(err == nil, "%s: %v", query, err)
	return value
}

// databaseSQL sends CommandStatementQuery, and a user's password as Basic with every call.
func databaseSQL(s server) {
	db := open(s, "")
	defer db.Close()
	check(db.Ping())
	row := db.QueryRow("SELECT customer_id, last_name, total_spent, loyalty_tier " +
		"FROM customer_analytics_c360 WHERE customer_id = 'CUST009'")
	var id, name, tier string
	var spent float64
	check(row.Scan(&id, &name, &spent, &tier))
	equal([]any{id, name, spent, tier}, []any{"CUST009", "Anderson", 1019.98, "Platinum"})
	types(db)
	manyRows(db)
	sqlErrors(db)

	spark := open(s, "dialect=spark&unknown=ignored")
	equal(one[float64](spark, "SELECT 7 / 2"), 3.5)
	check(spark.Close())
	equal(one[int64](db, "SELECT 7 / 2"), 3)

	// Transactions are not claimed, and so must not begin.
	db.SetMaxOpenConns(1)
	refused(failure(db.Begin()), codes.Unimplemented, "")
	equal(one[int64](db, "SELECT 1"), 1)
}

func types(db *sql.DB) {
	at := time.Date(2024, 2, 29, 12, 34, 56, 789123000, time.UTC)
	for _, c := range []struct {
		expression string
		wanted     any
	}{
		{"true", true},
		{"arrow_cast(-8, 'Int8')", int8(-8)},
		{"CAST(-16 AS SMALLINT)", int16(-16)},
		{"CAST(-32 AS INT)", int32(-32)},
		{"9223372036854775807", int64(9223372036854775807)},
		{"CAST(1.5 AS REAL)", float32(1.5)},
		{"CAST(-2.25 AS DOUBLE)", -2.25},
		// The driver makes a float of a decimal.
		{"CAST(-12.75 AS DECIMAL(10, 2))", -12.75},
		{"'héllo\nwörld'", "héllo\nwörld"},
		{"''", ""},
		{"X'00ff'", []byte{0, 255}},
		{"DATE '2024-02-29'", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"DATE '1969-12-31'", time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)},
		{"TIME '12:34:56.789123'", time.Date(1970, 1, 1, 12, 34, 56, 789123000, time.UTC)},
		{"TIMESTAMP '2024-02-29 12:34:56.789123'", at},
		{"arrow_cast(TIMESTAMP '2024-02-29 12:34:56.789123', 'Timestamp(Microsecond, Some(\"UTC\"))')", at},
		{"NULL", nil},
		{"CAST(NULL AS INT)", nil},
		{"CAST(NULL AS TIMESTAMP)", nil},
		// The driver knows none of these types: they must arrive as ones that it knows.
		{"arrow_cast(200, 'UInt8')", int16(200)},
		{"arrow_cast(4000000000, 'UInt32')", int64(4000000000)},
		{"arrow_cast('v', 'Utf8View')", "v"},
		{"arrow_cast('l', 'LargeUtf8')", "l"},
		{"arrow_cast('d', 'Dictionary(Int32, Utf8)')", "d"},
	} {
		got := one[any](db, "SELECT "+c.expression)
		if moment, ok := got.(time.Time); ok {
			got = moment.UTC()
		}
		holds(reflect.DeepEqual(got, c.wanted), "%s: got %#v, expected %#v", c.expression, got, c.wanted)
	}
	var text sql.NullString
	var number sql.NullInt64
	var moment sql.NullTime
	check(db.QueryRow("SELECT CAST(NULL AS VARCHAR), 7, CAST(NULL AS DATE)").
		Scan(&text, &number, &moment))
	equal([]any{text.Valid, number, moment.Valid}, []any{false, sql.NullInt64{Int64: 7, Valid: true}, false})
	// The driver reads no lists. It says so, and goes on.
	holds(errors.Is(db.QueryRow("SELECT [1, 2]").Scan(new(any)), driver.ErrNotSupported), "a list was read")
	found := must(db.Query("SELECT 1 AS a, 2 AS \"B c\", 3 AS a WHERE 1 = 0"))
	equal(must(found.Columns()), []string{"a", "B c", "a"})
	holds(!found.Next() && found.Err() == nil, "an empty result has rows")
	check(found.Close())
}

func manyRows(db *sql.DB) {
	found := must(db.Query("SELECT value, repeat('x', 200) FROM range(100000)"))
	sum, count, value, text := int64(0), 0, int64(0), ""
	for found.Next() {
		check(found.Scan(&value, &text))
		holds(len(text) == 200, "a text was cut")
		sum, count = sum+value, count+1
	}
	check(found.Err())
	equal([]int64{int64(count), sum}, []int64{100000, 4999950000})
	// Nobody has to read everything.
	early := must(db.Query("SELECT value FROM range(100000000)"))
	holds(early.Next(), "no row came")
	check(early.Close())
	var all sync.WaitGroup
	for i := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			equal(one[int64](db, "SELECT sum(value) + $1 FROM range(10000)", i), int64(49995000+i))
		}()
	}
	all.Wait()
}

func sqlErrors(db *sql.DB) {
	for _, c := range []struct {
		query string
		code  codes.Code
		part  string
	}{
		{"SELEC 1", codes.InvalidArgument, "syntax error at line 1, column 1"},
		{"SELECT * FROM missing", codes.NotFound, "'default.missing' does not exist"},
		{"SELECT missing FROM customers_raw", codes.InvalidArgument, "missing"},
		{"SELECT 1 / 0", codes.InvalidArgument, "zero"},
		{"SELECT 1; SELECT 2", codes.InvalidArgument, "one statement"},
		{"", codes.InvalidArgument, "no statement"},
	} {
		refused(db.QueryRow(c.query).Scan(new(any)), c.code, c.part)
	}
	equal(one[int64](db, "SELECT 1; -- a remark"), 1)
	check(failure(db.Exec("CREATE OR REPLACE VIEW go_view AS SELECT 1 AS one")))
	done := must(db.Exec("CREATE OR REPLACE VIEW go_view AS SELECT 2 AS one"))
	equal(must(done.RowsAffected()), 0)
	refused(failure(db.Exec("CREATE VIEW go_view AS SELECT 3 AS one")), codes.AlreadyExists, "already exists")
	equal(one[int64](db, "SELECT one FROM go_view"), 2)
	// A change that is sent as a query is made as well, before any row is asked for.
	check(must(db.Query("DROP VIEW go_view")).Close())
	refused(db.QueryRow("SELECT one FROM go_view").Scan(new(any)), codes.NotFound, "go_view")
}
