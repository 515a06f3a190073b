package main

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
)

// cancelling ends a query that runs, and one that nobody has fetched yet.
func cancelling(ctx context.Context, client *flightsql.Client) {
	info := must(client.Execute(ctx, endless))
	ended := make(chan error, 1)
	go func() { ended <- failure(read(ctx, client, info)) }()
	runs := func() bool {
		for _, row := range query(ctx, client, "SHOW QUERIES") {
			if row[2] == "running" && row[5] == endless {
				return true
			}
		}
		return false
	}
	await(runs, "the query to run")
	result := must(client.CancelFlightInfo(ctx, &flight.CancelFlightInfoRequest{Info: info}))
	equal(result.Status, flight.CancelStatusCancelled)
	select {
	case err := <-ended:
		refused(err, codes.Canceled, "cancelled")
	case <-time.After(30 * time.Second):
		panic("the query goes on")
	}
	await(func() bool { return !runs() }, "the query to end")
	refused(failure(read(ctx, client, info)), codes.Canceled, "cancelled")

	early := must(client.Execute(ctx, "SELECT 1"))
	equal(must(client.CancelQuery(ctx, early)), flightsql.CancelResultCancelled) // the deprecated action
	refused(failure(read(ctx, client, early)), codes.Canceled, "cancelled")
	equal(query(ctx, client, "SELECT 1"), rows{{"1"}})
}

// endpoints renews the ticket of a query, and that of a metadata command.
func endpoints(ctx context.Context, client *flightsql.Client) {
	info := must(client.Execute(ctx, "SELECT 7 AS a"))
	request := flight.RenewFlightEndpointRequest{Endpoint: info.Endpoint[0]}
	renewed := must(client.RenewFlightEndpoint(ctx, &request))
	holds(renewed.ExpirationTime.AsTime().After(time.Now()), "expired at %v", renewed.ExpirationTime)
	again := &flight.FlightInfo{Schema: info.Schema, Endpoint: []*flight.FlightEndpoint{renewed}}
	equal(fetch(ctx, client, again), rows{{"7"}})
	equal(fetch(ctx, client, info), rows{{"7"}})
	info = must(client.GetCatalogs(ctx))
	request = flight.RenewFlightEndpointRequest{Endpoint: info.Endpoint[0]}
	info.Endpoint[0] = must(client.RenewFlightEndpoint(ctx, &request))
	equal(fetch(ctx, client, info), rows{{"mica"}})
	nonsense := &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: []byte("nonsense")}}
	request = flight.RenewFlightEndpointRequest{Endpoint: nonsense}
	refused(failure(client.RenewFlightEndpoint(ctx, &request)), codes.InvalidArgument, "")
}

// set sets options; nil unsets one. It returns those that could not be set.
func set(ctx context.Context, client *flightsql.Client, options map[string]any) map[string]string {
	values := must(flight.NewSessionOptionValues(options))
	result := must(client.SetSessionOptions(ctx, &flight.SetSessionOptionsRequest{SessionOptions: values}))
	failed := map[string]string{}
	for name, cause := range result.Errors {
		failed[name] = cause.Value.String()
	}
	return failed
}

func option(ctx context.Context, client *flightsql.Client, name string) string {
	result := must(client.GetSessionOptions(ctx, &flight.GetSessionOptionsRequest{}))
	value, there := result.SessionOptions[name]
	holds(there, "there is no option %s", name)
	return value.GetStringValue()
}

// sessions sets options of one connection, which others do not see.
func sessions(s server) {
	client, ctx := s.client()
	defer client.Close()
	other, otherCtx := s.client()
	defer other.Close()
	none := map[string]string{}
	equal([]string{option(ctx, client, "catalog"), option(ctx, client, "schema")}, []string{"mica", "default"})
	equal(set(ctx, client, map[string]any{"catalog": "mica", "schema": "information_schema"}), none)
	equal(option(ctx, client, "schema"), "information_schema")
	equal(query(ctx, client, "SELECT count(*) FROM schemata"), rows{{"2"}})
	refused(failure(other.Execute(otherCtx, "SELECT count(*) FROM schemata")), codes.NotFound, "schemata")
	equal(option(otherCtx, other, "schema"), "default")

	// Values have types; what SQL sets is seen, too.
	equal(set(ctx, client, map[string]any{"batch_size": int64(100), "ansi_mode": true, "dialect": "spark"}), none)
	equal([]string{option(ctx, client, "batch_size"), option(ctx, client, "ansi_mode")}, []string{"100", "true"})
	equal(query(ctx, client, "SELECT 7 / 2"), rows{{"3.5"}})
	check(failure(client.ExecuteUpdate(ctx, "SET dialect = 'ansi'")))
	equal(option(ctx, client, "dialect"), "ansi")

	// Each option fails by itself, and the others are set.
	equal(set(ctx, client, map[string]any{"batch_size": int64(200), "nonsense": "x", "dialect": "klingon",
		"catalog": "other", "ansi_mode": int64(7)}), map[string]string{"nonsense": "INVALID_NAME",
		"dialect": "INVALID_VALUE", "catalog": "INVALID_VALUE", "ansi_mode": "INVALID_VALUE"})
	equal([]string{option(ctx, client, "batch_size"), option(ctx, client, "dialect")}, []string{"200", "ansi"})

	// An option without a value is unset.
	equal(set(ctx, client, map[string]any{"dialect": "spark"}), none)
	defaults := map[string]string{"batch_size": "8192", "schema": "default", "dialect": "ansi", "catalog": "mica"}
	for name, wanted := range defaults {
		equal(set(ctx, client, map[string]any{name: nil}), none)
		equal(option(ctx, client, name), wanted)
	}
	equal(set(ctx, client, map[string]any{"nonsense": nil}), map[string]string{"nonsense": "INVALID_NAME"})

	temporary(ctx, client)
	equal(set(ctx, client, map[string]any{"dialect": "spark"}), none)
	closed := must(client.CloseSession(ctx, &flight.CloseSessionRequest{}))
	equal(closed.Status, flight.CloseSessionResultClosed)
	if s.user == "" { // The next call opens a session with nothing set.
		equal(option(ctx, client, "dialect"), "ansi")
		equal(query(ctx, client, "SELECT 7 / 2"), rows{{"3"}})
	} else { // The token is worth nothing any more.
		refused(failure(client.Execute(ctx, "SELECT 1")), codes.Unauthenticated, "")
		ctx = must(s.login(client))
		equal(option(ctx, client, "dialect"), "ansi")
	}
	equal(option(otherCtx, other, "dialect"), "ansi")
}

// temporary makes a view of the session. The name of its schema is empty, and is matched like any other.
func temporary(ctx context.Context, client *flightsql.Client) {
	check(failure(client.ExecuteUpdate(ctx, "CREATE TEMPORARY VIEW go_temporary AS SELECT 5 AS five")))
	equal(query(ctx, client, "SELECT five FROM go_temporary"), rows{{"5"}})
	for _, pattern := range []*string{nil, text("%"), text("")} {
		options := flightsql.GetTablesOpts{DbSchemaFilterPattern: pattern, TableNameFilterPattern: text("go_temporary")}
		found := fetch(ctx, client, must(client.GetTables(ctx, &options)))
		equal(found.column(2), []string{"go_temporary"})
	}
}
