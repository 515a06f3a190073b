package main

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// rows are a result's values as text, NULL as "(null)".
type rows [][]string

// read is the result of every endpoint. The schema of FlightInfo must be that of each stream.
func read(ctx context.Context, client *flightsql.Client, info *flight.FlightInfo) (rows, error) {
	promised := schemaOf(info.Schema)
	found := rows{}
	for _, endpoint := range info.Endpoint {
		holds(len(endpoint.Location) == 0, "an endpoint has a location: %v", endpoint.Location)
		reader, err := client.DoGet(ctx, endpoint.Ticket)
		if err != nil {
			return nil, err
		}
		defer reader.Release()
		holds(reader.Schema().Equal(promised), "the stream has %v, FlightInfo %v", reader.Schema(), promised)
		for reader.Next() {
			found = append(found, texts(reader.RecordBatch())...)
		}
		if err := reader.Err(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func fetch(ctx context.Context, client *flightsql.Client, info *flight.FlightInfo) rows {
	return must(read(ctx, client, info))
}

func query(ctx context.Context, client *flightsql.Client, text string) rows {
	return fetch(ctx, client, must(client.Execute(ctx, text)))
}

func texts(batch arrow.RecordBatch) rows {
	found := make(rows, batch.NumRows())
	for i := range found {
		for _, column := range batch.Columns() {
			found[i] = append(found[i], column.ValueStr(i))
		}
	}
	return found
}

func schemaOf(bytes []byte) *arrow.Schema {
	return must(flight.DeserializeSchema(bytes, memory.DefaultAllocator))
}

// batch is the one batch of a result that has one, to be looked into by type.
func batch(ctx context.Context, client *flightsql.Client, info *flight.FlightInfo) arrow.RecordBatch {
	reader := must(client.DoGet(ctx, info.Endpoint[0].Ticket))
	defer reader.Release()
	holds(reader.Next(), "the result is empty: %v", reader.Err())
	found := reader.RecordBatch()
	found.Retain()
	holds(!reader.Next(), "the result has a second batch")
	check(reader.Err())
	return found
}

// column is one column of rows.
func (r rows) column(at int) []string {
	found := []string{}
	for _, row := range r {
		found = append(found, row[at])
	}
	return found
}
