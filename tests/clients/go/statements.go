package main

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
)

// statements executes without preparing.
func statements(ctx context.Context, client *flightsql.Client) {
	info := must(client.Execute(ctx, "SELECT customer_id, total_spent FROM customer_analytics_c360 "+
		"ORDER BY total_spent DESC LIMIT 1"))
	for range 3 { // A ticket can be used again.
		equal(fetch(ctx, client, info), rows{{"CUST009", "1019.98"}})
	}
	schema := schemaOf(must(client.GetExecuteSchema(ctx, "SELECT 1 AS a, 'x' AS b, NULL AS c")).Schema)
	names := []string{schema.Field(0).Name, schema.Field(1).Name, schema.Field(2).Name}
	equal(names, []string{"a", "b", "c"})
	equal([]arrow.Type{schema.Field(0).Type.ID(), schema.Field(1).Type.ID()}, []arrow.Type{arrow.INT64, arrow.STRING})
	equal(query(ctx, client, "SELECT 1 AS a, 'x' AS b, NULL AS c"), rows{{"1", "x", "(null)"}})
	equal(query(ctx, client, "SELECT 1 AS a WHERE 1 = 0"), rows{})
	// What may be folded into literals that are never NULL keeps the schema that was promised.
	equal(query(ctx, client, "SELECT min(value), max(value), count(*) FROM range(10)"), rows{{"0", "9", "10"}})

	// The schema of a change has no columns, and asking for it changes nothing.
	change := "CREATE VIEW go_view AS SELECT 1 AS one"
	equal(schemaOf(must(client.GetExecuteSchema(ctx, change)).Schema).NumFields(), 0)
	info = must(client.Execute(ctx, change))
	equal(schemaOf(info.Schema).NumFields(), 0)
	for range 2 { // It was made already, and fetching does not repeat it.
		equal(fetch(ctx, client, info), rows{})
	}
	refused(failure(client.Execute(ctx, change)), codes.AlreadyExists, "already exists")
	equal(must(client.ExecuteUpdate(ctx, "DROP VIEW go_view")), 0)
	refused(failure(client.ExecuteUpdate(ctx, "DROP VIEW go_view")), codes.NotFound, "go_view")

	// The query runs, and fails in the middle.
	info = must(client.Execute(ctx, "SELECT 1 / (value - 200000) FROM range(300000)"))
	refused(failure(read(ctx, client, info)), codes.InvalidArgument, "zero")
	refused(failure(client.Execute(ctx, "SELECT * FROM missing")), codes.NotFound, "missing")
	refused(failure(client.GetExecuteSchema(ctx, "SELECT * FROM missing")), codes.NotFound, "missing")
	refused(failure(client.DoGet(ctx, &flight.Ticket{Ticket: []byte("nonsense")})), codes.InvalidArgument, "")
	refused(failure(client.ExecuteSubstrait(ctx, flightsql.SubstraitPlan{})), codes.Unimplemented, "")
	refused(failure(client.BeginTransaction(ctx)), codes.Unimplemented, "")

	poll := must(client.ExecutePoll(ctx, "SELECT 7 AS a", nil))
	finished(poll)
	equal(fetch(ctx, client, poll.Info), rows{{"7"}})
}

// finished holds that a PollInfo gives the whole result: its query needs no waiting for.
func finished(poll *flight.PollInfo) {
	holds(poll.FlightDescriptor == nil, "there is more to poll: %v", poll.FlightDescriptor)
	holds(poll.Progress != nil && *poll.Progress == 1, "the progress of what is complete is %v", poll.Progress)
}

// prepared uses one handle again and again, from two connections.
func prepared(ctx context.Context, client *flightsql.Client, s server) {
	statement := must(client.Prepare(ctx, "SELECT $1 + 1 AS n, $2 AS s"))
	equal([]string{statement.DatasetSchema().Field(0).Name, statement.DatasetSchema().Field(1).Name}, []string{"n", "s"})
	parameters := statement.ParameterSchema()
	equal(parameters.NumFields(), 2)
	for _, field := range parameters.Fields() {
		holds(field.Nullable, "parameter %s is not nullable", field.Name)
	}
	update, hinted := statement.IsUpdate()
	equal([]bool{update, hinted}, []bool{false, true})
	holds(schemaOf(must(statement.GetSchema(ctx)).Schema).Equal(statement.DatasetSchema()), "two schemas")
	for values, wanted := range map[string]rows{
		`[{"$1": 41, "$2": "x"}]`:   {{"42", "x"}},
		`[{"$1": -1, "$2": null}]`:  {{"0", "(null)"}},
		`[{"$1": null, "$2": ""}]`:  {{"(null)", ""}},
		`[{"$1": 0, "$2": "a\nb"}]`: {{"1", "a\nb"}},
	} {
		bind(statement, values)
		equal(fetch(ctx, client, must(statement.Execute(ctx))), wanted)
		poll := must(statement.ExecutePoll(ctx, nil))
		finished(poll)
		equal(fetch(ctx, client, poll.Info), wanted)
	}

	// What was bound stays bound until it is bound anew, and results do not mix.
	bind(statement, `[{"$1": 1, "$2": "first"}]`)
	first := must(statement.Execute(ctx))
	bind(statement, `[{"$1": 2, "$2": "second"}]`)
	second := must(statement.Execute(ctx))
	equal(fetch(ctx, client, first), rows{{"2", "first"}})
	equal(fetch(ctx, client, second), rows{{"3", "second"}})

	// Another connection of the same user may use the handle, as a pool does.
	other, otherCtx := s.client()
	borrowed := flightsql.NewPreparedStatement(other, statement.Handle())
	equal(fetch(otherCtx, other, must(borrowed.Execute(otherCtx))), rows{{"3", "second"}})
	check(other.Close())

	bind(statement, `[{"$1": 1, "$2": "a"}, {"$1": 2, "$2": "b"}]`)
	refused(failure(statement.Execute(ctx)), codes.InvalidArgument, "one row")
	check(statement.Close(ctx))

	unbound := must(client.Prepare(ctx, "SELECT $1 + 1"))
	_, err := unbound.Execute(ctx)
	if err == nil { // It may be found out as late as when rows are asked for.
		_, err = read(ctx, client, must(unbound.Execute(ctx)))
	}
	refused(err, codes.InvalidArgument, "$1")
	check(unbound.Close(ctx))

	change := must(client.Prepare(ctx, "CREATE OR REPLACE VIEW go_view AS SELECT 1 AS one"))
	update, hinted = change.IsUpdate()
	equal([]bool{update, hinted}, []bool{true, true})
	holds(change.DatasetSchema() == nil || change.DatasetSchema().NumFields() == 0, "a change has columns")
	equal(must(change.ExecuteUpdate(ctx)), 0)
	equal(fetch(ctx, client, must(change.Execute(ctx))), rows{})
	check(change.Close(ctx))
	check(failure(client.ExecuteUpdate(ctx, "DROP VIEW go_view")))
	forged := flightsql.NewPreparedStatement(client, []byte("nonsense"))
	refused(failure(forged.Execute(ctx)), codes.InvalidArgument, "")
	check(forged.Close(ctx)) // It is as good as closed.
}

// bind binds JSON, read by the parameter schema of the statement.
func bind(statement *flightsql.PreparedStatement, values string) {
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, statement.ParameterSchema(), strings.NewReader(values))
	check(err)
	defer record.Release()
	statement.SetParameters(record)
}

// parameterTypes binds a value of every type, and finds it equal to that of a literal.
func parameterTypes(ctx context.Context, client *flightsql.Client) {
	for _, c := range []struct{ literal, value string }{
		{"true", `true`},
		{"CAST(-8 AS TINYINT)", `-8`},
		{"CAST(-16 AS SMALLINT)", `-16`},
		{"CAST(2147483647 AS INT)", `2147483647`},
		{"9007199254740993", `9007199254740993`},
		{"CAST(1.5 AS REAL)", `1.5`},
		{"CAST(-2.25 AS DOUBLE)", `-2.25`},
		{"CAST(-12.34 AS DECIMAL(10, 2))", `"-12.34"`},
		{"'it''s ü'", `"it's ü"`},
		{"X'00ff'", `"AP8="`},
		{"DATE '1969-12-31'", `"1969-12-31"`},
		{"TIMESTAMP '2024-02-29 12:34:56.789'", `"2024-02-29 12:34:56.789"`},
		{"TIME '12:34:56.789'", `"12:34:56.789"`},
	} {
		statement := must(client.Prepare(ctx, "SELECT literal = $1 FROM (SELECT "+c.literal+" AS literal)"))
		for value, wanted := range map[string]string{c.value: "true", "null": "(null)"} {
			bind(statement, `[{"$1": `+value+`}]`)
			got := fetch(ctx, client, must(statement.Execute(ctx)))
			holds(got[0][0] == wanted, "%s = %s: got %s, expected %s", c.literal, value, got[0][0], wanted)
		}
		check(statement.Close(ctx))
	}
}
