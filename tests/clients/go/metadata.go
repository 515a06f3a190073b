package main

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
)

// conforms holds the schemas of a metadata command against the specification's.
func conforms(info *flight.FlightInfo, schema *flight.SchemaResult, wanted *arrow.Schema) *flight.FlightInfo {
	for _, got := range []*arrow.Schema{schemaOf(info.Schema), schemaOf(schema.Schema)} {
		holds(got.Equal(wanted), "got %v, expected %v", got, wanted)
	}
	return info
}

// names asks for catalogs, schemas, tables and their types.
func names(ctx context.Context, client *flightsql.Client) {
	info := conforms(must(client.GetCatalogs(ctx)), must(client.GetCatalogsSchema(ctx)), schema_ref.Catalogs)
	equal(fetch(ctx, client, info), rows{{"mica"}})
	info = conforms(must(client.GetTableTypes(ctx)), must(client.GetTableTypesSchema(ctx)), schema_ref.TableTypes)
	equal(fetch(ctx, client, info), rows{{"TABLE"}, {"VIEW"}})

	schemas := func(options *flightsql.GetDBSchemasOpts) rows {
		info := must(client.GetDBSchemas(ctx, options))
		conforms(info, must(client.GetDBSchemasSchema(ctx)), schema_ref.DBSchemas)
		return fetch(ctx, client, info)
	}
	all := rows{{"mica", "default"}, {"mica", "information_schema"}}
	equal(schemas(&flightsql.GetDBSchemasOpts{}), all)
	equal(schemas(&flightsql.GetDBSchemasOpts{Catalog: text("mica"), DbSchemaFilterPattern: text("%")}), all)
	equal(schemas(&flightsql.GetDBSchemasOpts{DbSchemaFilterPattern: text("def%l")}), rows{})
	equal(schemas(&flightsql.GetDBSchemasOpts{DbSchemaFilterPattern: text("def%l_")}), all[:1])
	equal(schemas(&flightsql.GetDBSchemasOpts{DbSchemaFilterPattern: text("defaul_")}), all[:1])
	equal(schemas(&flightsql.GetDBSchemasOpts{Catalog: text("")}), rows{}) // those without a catalog
	equal(schemas(&flightsql.GetDBSchemasOpts{Catalog: text("other")}), rows{})

	tables := func(options *flightsql.GetTablesOpts) rows {
		info := must(client.GetTables(ctx, options))
		conforms(info, must(client.GetTablesSchema(ctx, options)), schema_ref.Tables)
		return fetch(ctx, client, info)
	}
	found := tables(&flightsql.GetTablesOpts{})
	holds(slices.IsSortedFunc(found, slices.Compare[[]string]), "tables are not sorted: %v", found)
	holds(len(found) > 14, "only %d tables", len(found))
	equal(tables(&flightsql.GetTablesOpts{Catalog: text("mica"), DbSchemaFilterPattern: text("default"),
		TableNameFilterPattern: text("customer%")}), rows{
		{"mica", "default", "customer_analytics_c360", "VIEW"},
		{"mica", "default", "customers_raw", "TABLE"},
	})
	one := rows{{"mica", "default", "customers_raw", "TABLE"}}
	equal(tables(&flightsql.GetTablesOpts{TableNameFilterPattern: text("customer%"), TableTypes: []string{"TABLE"}}), one)
	equal(tables(&flightsql.GetTablesOpts{TableNameFilterPattern: text("customers_raw")}), one)
	equal(tables(&flightsql.GetTablesOpts{TableNameFilterPattern: text("customers%raw")}), one)
	equal(tables(&flightsql.GetTablesOpts{TableNameFilterPattern: text("customers_raw_")}), rows{})
	equal(tables(&flightsql.GetTablesOpts{TableTypes: []string{"SYSTEM TABLE"}}), rows{})
	equal(tables(&flightsql.GetTablesOpts{Catalog: text("")}), rows{})
	equal(tables(&flightsql.GetTablesOpts{DbSchemaFilterPattern: text("other")}), rows{})
	both := tables(&flightsql.GetTablesOpts{TableTypes: []string{"VIEW", "TABLE"}})
	equal(both, found)
}

// columns reads table_schema, which must be the schema of SELECT *.
func columns(ctx context.Context, client *flightsql.Client) {
	_, err := client.ExecuteUpdate(ctx, "CREATE OR REPLACE VIEW go_view (id COMMENT 'The key', price) "+
		"AS SELECT 1, CAST(1.5 AS DECIMAL(12, 3))")
	check(err)
	options := flightsql.GetTablesOpts{DbSchemaFilterPattern: text("default"), IncludeSchema: true}
	info := must(client.GetTables(ctx, &options))
	conforms(info, must(client.GetTablesSchema(ctx, &options)), schema_ref.TablesWithIncludedSchema)
	found := batch(ctx, client, info)
	defer found.Release()
	names := found.Column(2).(*array.String)
	schemas := found.Column(4).(*array.Binary)
	for i := range int(found.NumRows()) {
		name, got := names.Value(i), schemaOf(schemas.Value(i))
		selected := schemaOf(must(client.GetExecuteSchema(ctx, "SELECT * FROM "+name)).Schema)
		equal(plain(got), plain(selected))
		for _, field := range got.Fields() {
			metadata := flightsql.ColumnMetadata{Data: &field.Metadata}
			of := []string{known(metadata.CatalogName()), known(metadata.SchemaName()), known(metadata.TableName())}
			equal(of, []string{"mica", "default", name})
			holds(known(metadata.TypeName()) != "", "%s.%s has no type name", name, field.Name)
			holds(known(metadata.IsSearchable()) && !known(metadata.IsAutoIncrement()), "%s.%s", name, field.Name)
		}
		if name == "go_view" {
			id, price := got.Field(0).Metadata, got.Field(1).Metadata
			equal(known((&flightsql.ColumnMetadata{Data: &id}).Remarks()), "The key")
			equal(known((&flightsql.ColumnMetadata{Data: &id}).TypeName()), "BIGINT")
			equal(known((&flightsql.ColumnMetadata{Data: &price}).TypeName()), "DECIMAL(12,3)")
			equal(known((&flightsql.ColumnMetadata{Data: &price}).Precision()), int32(12))
			equal(known((&flightsql.ColumnMetadata{Data: &price}).Scale()), int32(3))
		}
	}
	check(failure(client.ExecuteUpdate(ctx, "DROP VIEW go_view")))
}

// keys declares a key of two columns and a relationship, and finds them again.
func keys(ctx context.Context, client *flightsql.Client) {
	for _, change := range []string{
		"CREATE OR REPLACE VIEW go_parent AS SELECT 1 AS a, 2 AS b",
		"CREATE OR REPLACE VIEW go_child AS SELECT 1 AS n, 2 AS x, 1 AS y",
		"ALTER VIEW go_parent ADD CONSTRAINT parent_key PRIMARY KEY (b, a) NOT ENFORCED",
		"ALTER VIEW go_child ADD CONSTRAINT child_parent FOREIGN KEY (x, y) REFERENCES go_parent (b, a) NOT ENFORCED",
	} {
		check(failure(client.ExecuteUpdate(ctx, change)))
	}
	table := func(name string) flightsql.TableRef {
		return flightsql.TableRef{Catalog: text("mica"), DBSchema: text("default"), Table: name}
	}
	parent, child := table("go_parent"), table("go_child")
	primary := func(of flightsql.TableRef) rows {
		info := must(client.GetPrimaryKeys(ctx, of))
		return fetch(ctx, client, conforms(info, must(client.GetPrimaryKeysSchema(ctx)), schema_ref.PrimaryKeys))
	}
	foreign := func(info *flight.FlightInfo, schema *flight.SchemaResult) rows {
		return fetch(ctx, client, conforms(info, schema, schema_ref.ImportedExportedKeysAndCrossReference))
	}
	imported := func(of flightsql.TableRef) rows {
		return foreign(must(client.GetImportedKeys(ctx, of)), must(client.GetImportedKeysSchema(ctx)))
	}
	exported := func(of flightsql.TableRef) rows {
		return foreign(must(client.GetExportedKeys(ctx, of)), must(client.GetExportedKeysSchema(ctx)))
	}
	across := func(from, to flightsql.TableRef) rows {
		return foreign(must(client.GetCrossReference(ctx, from, to)), must(client.GetCrossReferenceSchema(ctx)))
	}
	both := rows{
		{"mica", "default", "go_parent", "b", "1", "parent_key"},
		{"mica", "default", "go_parent", "a", "2", "parent_key"},
	}
	equal(primary(parent), both)
	equal(primary(flightsql.TableRef{Table: "go_parent"}), both)
	equal(primary(child), rows{})
	equal(primary(flightsql.TableRef{Catalog: text(""), Table: "go_parent"}), rows{})
	equal(primary(table("missing")), rows{})
	// 3 is NO ACTION: nothing is enforced.
	column := func(parent, child, sequence string) []string {
		return []string{"mica", "default", "go_parent", parent, "mica", "default", "go_child", child, sequence,
			"child_parent", "parent_key", "3", "3"}
	}
	link := rows{column("b", "x", "1"), column("a", "y", "2")}
	equal(imported(child), link)
	equal(exported(parent), link)
	equal(across(parent, child), link)
	for _, none := range []rows{imported(parent), exported(child), across(child, parent)} {
		equal(none, rows{})
	}
	check(failure(client.ExecuteUpdate(ctx, "DROP VIEW go_child")))
	check(failure(client.ExecuteUpdate(ctx, "DROP VIEW go_parent")))
}

func text(value string) *string { return &value }

// known is a column's metadata, which must be there.
func known[T any](value T, there bool) T {
	holds(there, "a column lacks metadata")
	return value
}

// plain is a schema without metadata.
func plain(schema *arrow.Schema) []arrow.Field {
	fields := slices.Clone(schema.Fields())
	for i := range fields {
		fields[i].Metadata = arrow.Metadata{}
	}
	return fields
}
