package main

import (
	"context"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
)

// Children of the union of GetSqlInfo.
const (
	ofText = iota
	ofBool
	ofInt64
	ofInt32
	ofList
	ofMap
)

// sqlInfo holds a value of every child of the union, and that each id is in the one that drivers read.
func sqlInfo(ctx context.Context, client *flightsql.Client) {
	answer := func(ids ...flightsql.SqlInfo) map[flightsql.SqlInfo][]string {
		info := must(client.GetSqlInfo(ctx, ids))
		conformsButUnion(schemaOf(info.Schema))
		conformsButUnion(schemaOf(must(client.GetSqlInfoSchema(ctx)).Schema))
		found := batch(ctx, client, info)
		defer found.Release()
		answers, values := make(map[flightsql.SqlInfo][]string), found.Column(1).(*array.DenseUnion)
		for i := range values.Len() {
			child := values.ChildID(i)
			value := values.Field(child).ValueStr(int(values.ValueOffset(i)))
			id := flightsql.SqlInfo(found.Column(0).(*array.Uint32).Value(i))
			answers[id] = []string{strconv.Itoa(child), value}
		}
		equal(len(answers), values.Len())
		return answers
	}
	all := answer()
	children := map[int][]flightsql.SqlInfo{
		ofText: {flightsql.SqlInfoFlightSqlServerName, flightsql.SqlInfoFlightSqlServerVersion,
			flightsql.SqlInfoFlightSqlServerArrowVersion, flightsql.SqlInfoIdentifierQuoteChar,
			flightsql.SqlInfoSearchStringEscape, flightsql.SqlInfoCatalogTerm, flightsql.SqlInfoSchemaTerm},
		ofBool: {flightsql.SqlInfoFlightSqlServerReadOnly, flightsql.SqlInfoFlightSqlServerSql,
			flightsql.SqlInfoFlightSqlServerSubstrait, flightsql.SqlInfoFlightSqlServerCancel,
			flightsql.SqlInfoFlightSqlServerBulkIngestion, flightsql.SqlInfoTransactionsSupported},
		ofInt32: {flightsql.SqlInfoFlightSqlServerTransaction, flightsql.SqlInfoFlightSqlServerStatementTimeout,
			flightsql.SqlInfoSupportedGroupBy, flightsql.SqlInfoSupportedUnions},
		ofInt64: {flightsql.SqlInfoMaxStatementLen, flightsql.SqlInfoMaxTableNameLen},
		ofList:  {flightsql.SqlInfoKeywords, flightsql.SqlInfoNumericFunctions, flightsql.SqlInfoStringFunctions},
		ofMap:   {flightsql.SqlInfoSupportsConvert},
	}
	for child, ids := range children {
		for _, id := range ids {
			value, there := all[id]
			holds(there && value[0] == strconv.Itoa(child), "%v is %v, expected a value in child %d", id, value, child)
		}
	}
	for id, wanted := range map[flightsql.SqlInfo]string{
		flightsql.SqlInfoFlightSqlServerName:        "Mica",
		flightsql.SqlInfoIdentifierQuoteChar:        `"`,
		flightsql.SqlInfoFlightSqlServerTransaction: "0",
		flightsql.SqlInfoFlightSqlServerCancel:      "true",
		flightsql.SqlInfoFlightSqlServerSql:         "true",
	} {
		equal(all[id][1], wanted)
	}
	some := answer(flightsql.SqlInfoKeywords, flightsql.SqlInfoFlightSqlServerName)
	equal(len(some), 2)
	for id, value := range some {
		equal(value, all[id])
	}
	// An id that nobody knows has no row.
	known := answer(flightsql.SqlInfoFlightSqlServerName, flightsql.SqlInfo(499999))
	equal(len(known), 1)
	equal(fetch(ctx, client, must(client.GetSqlInfo(ctx, []flightsql.SqlInfo{499999}))), rows{})
}

// conformsButUnion holds a schema against the specification's, which does not say whether the children
// of the union may be NULL: implementations differ.
func conformsButUnion(schema *arrow.Schema) {
	wanted := schema_ref.SqlInfo
	holds(schema.Field(0).Equal(wanted.Field(0)), "got %v", schema)
	equal(schema.Field(1).Name, wanted.Field(1).Name)
	holds(!schema.Field(1).Nullable, "the value is nullable")
	got, union := schema.Field(1).Type.(*arrow.DenseUnionType), wanted.Field(1).Type.(*arrow.DenseUnionType)
	equal(got.TypeCodes(), union.TypeCodes())
	equal(got.NumFields(), union.NumFields())
	for i, child := range union.Fields() {
		equal(got.Fields()[i].Name, child.Name)
		holds(arrow.TypeEqual(got.Fields()[i].Type, child.Type), "%s: %v", child.Name, got.Fields()[i].Type)
	}
}

// xdbcTypes asks for what ODBC and JDBC know of the types.
func xdbcTypes(ctx context.Context, client *flightsql.Client) {
	ask := func(code *int32) rows {
		info := must(client.GetXdbcTypeInfo(ctx, code))
		conforms(info, must(client.GetXdbcTypeInfoSchema(ctx)), schema_ref.XdbcTypeInfo)
		return fetch(ctx, client, info)
	}
	all := ask(nil)
	codes := make([]int, 0, len(all))
	for _, code := range all.column(1) {
		codes = append(codes, must(strconv.Atoi(code)))
	}
	holds(slices.IsSorted(codes), "types are not sorted: %v", codes)
	for name, code := range map[string]string{"BOOLEAN": "-7", "BIGINT": "-5", "INTEGER": "4", "DOUBLE": "8",
		"DECIMAL": "3", "VARCHAR": "12", "DATE": "91", "TIME": "92", "TIMESTAMP": "93"} {
		at := slices.IndexFunc(all, func(row []string) bool { return row[0] == name })
		holds(at >= 0 && all[at][1] == code, "%s has no row with %s", name, code)
	}
	texts := ask(number(12))
	holds(len(texts) > 0, "there is no text")
	for _, row := range texts {
		equal(row[1], "12")
		equal(row[3:5], []string{"'", "'"})
	}
	dates := ask(number(91))
	equal([]string{dates[0][0], dates[0][15], dates[0][16]}, []string{"DATE", "9", "1"})
	equal(ask(number(424242)), rows{})
}

func number(value int32) *int32 { return &value }
