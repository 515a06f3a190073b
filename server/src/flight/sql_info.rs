//! What the server can do, in the union children that drivers cast to.
//!
//! Where drivers and the comments of FlightSql.proto disagree, drivers win: 503, 505, 507 and 562
//! are int64. Only ids of the enum are answered: JDBC fails on any other.

use std::sync::{Arc, OnceLock};

use arrow_flight::sql::SqlInfo;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use datafusion::arrow::array::{Array, ArrayData, RecordBatch, make_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use super::function_lists::{DATETIME, NUMERIC, STRING, SYSTEM, conversions};
use crate::error::{Error, Result};

/// Words that are reserved here and not in SQL:2003.
const KEYWORDS: &[&str] = &["LIMIT", "OFFSET", "QUALIFY", "SHOW", "USE", "EXPLAIN"];

fn identity(builder: &mut SqlInfoDataBuilder) {
    builder.append(SqlInfo::FlightSqlServerName, "Mica");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, "59.3.2");
    builder.append(SqlInfo::FlightSqlServerReadOnly, false);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    builder.append(SqlInfo::FlightSqlServerSubstraitMinVersion, "");
    builder.append(SqlInfo::FlightSqlServerSubstraitMaxVersion, "");
    builder.append(SqlInfo::FlightSqlServerTransaction, 0_i32);
    builder.append(SqlInfo::FlightSqlServerCancel, true);
    builder.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    builder.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    builder.append(SqlInfo::FlightSqlServerStatementTimeout, 0_i32);
    builder.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
}

fn names_and_functions(builder: &mut SqlInfoDataBuilder) {
    builder.append(SqlInfo::SqlDdlCatalog, false);
    builder.append(SqlInfo::SqlDdlSchema, true);
    builder.append(SqlInfo::SqlDdlTable, true);
    // Case-insensitive, stored as written, quoted or not (SQL_IC_MIXED is 4, JDBC's 1).
    builder.append(SqlInfo::SqlIdentifierCase, 1_i64);
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    builder.append(SqlInfo::SqlQuotedIdentifierCase, 1_i64);
    builder.append(SqlInfo::SqlAllTablesAreSelectable, true);
    builder.append(SqlInfo::SqlNullOrdering, 0_i64);
    builder.append(SqlInfo::SqlKeywords, KEYWORDS);
    builder.append(SqlInfo::SqlNumericFunctions, NUMERIC);
    builder.append(SqlInfo::SqlStringFunctions, STRING);
    builder.append(SqlInfo::SqlSystemFunctions, SYSTEM);
    builder.append(SqlInfo::SqlDatetimeFunctions, DATETIME);
    builder.append(SqlInfo::SqlSearchStringEscape, "\\");
    builder.append(SqlInfo::SqlExtraNameCharacters, "");
    builder.append(SqlInfo::SqlSchemaTerm, "schema");
    builder.append(SqlInfo::SqlProcedureTerm, "procedure");
    builder.append(SqlInfo::SqlCatalogTerm, "catalog");
    builder.append(SqlInfo::SqlCatalogAtStart, true);
}

fn queries(builder: &mut SqlInfoDataBuilder) {
    for (info, yes) in [
        (SqlInfo::SqlSupportsColumnAliasing, true),
        (SqlInfo::SqlNullPlusNullIsNull, true),
        (SqlInfo::SqlSupportsTableCorrelationNames, true),
        (SqlInfo::SqlSupportsDifferentTableCorrelationNames, false),
        (SqlInfo::SqlSupportsExpressionsInOrderBy, true),
        (SqlInfo::SqlSupportsOrderByUnrelated, true),
        (SqlInfo::SqlSupportsLikeEscapeClause, true),
        (SqlInfo::SqlSupportsNonNullableColumns, true),
        (SqlInfo::SqlSupportsIntegrityEnhancementFacility, false),
        (SqlInfo::SqlSelectForUpdateSupported, false),
        (SqlInfo::SqlStoredProceduresSupported, false),
        (SqlInfo::SqlCorrelatedSubqueriesSupported, true),
        (SqlInfo::SqlMaxRowSizeIncludesBlobs, false),
        (SqlInfo::SqlTransactionsSupported, false),
        (SqlInfo::SqlDataDefinitionCausesTransactionCommit, false),
        (SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false),
        (SqlInfo::SqlBatchUpdatesSupported, false),
        (SqlInfo::SqlSavepointsSupported, false),
        (SqlInfo::SqlNamedParametersSupported, false),
        (SqlInfo::SqlLocatorsUpdateCopy, false),
        (SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, false),
    ] {
        builder.append(info, yes);
    }
    builder.append(SqlInfo::SqlSupportsConvert, conversions());
    for (info, mask) in [
        (SqlInfo::SqlSupportedGroupBy, 2_i32),
        (SqlInfo::SqlSupportedGrammar, 4),
        (SqlInfo::SqlAnsi92SupportedLevel, 2),
        (SqlInfo::SqlOuterJoinsSupportLevel, 6),
        (SqlInfo::SqlSchemasSupportedActions, 0),
        (SqlInfo::SqlCatalogsSupportedActions, 0),
        (SqlInfo::SqlSupportedPositionedCommands, 0),
        (SqlInfo::SqlSupportedSubqueries, 15),
        (SqlInfo::SqlSupportedUnions, 3),
        (SqlInfo::SqlSupportedTransactionsIsolationLevels, 1),
        (SqlInfo::SqlSupportedResultSetTypes, 2),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, 0),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly, 2),
        (
            SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive,
            0,
        ),
        (
            SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive,
            0,
        ),
    ] {
        builder.append(info, mask);
    }
}

/// Zero means that there is no limit, or that it is not known.
fn limits(builder: &mut SqlInfoDataBuilder) {
    for info in [
        SqlInfo::SqlMaxBinaryLiteralLength,
        SqlInfo::SqlMaxCharLiteralLength,
        SqlInfo::SqlMaxColumnNameLength,
        SqlInfo::SqlMaxColumnsInGroupBy,
        SqlInfo::SqlMaxColumnsInIndex,
        SqlInfo::SqlMaxColumnsInOrderBy,
        SqlInfo::SqlMaxColumnsInSelect,
        SqlInfo::SqlMaxColumnsInTable,
        SqlInfo::SqlMaxConnections,
        SqlInfo::SqlMaxCursorNameLength,
        SqlInfo::SqlMaxIndexLength,
        SqlInfo::SqlDbSchemaNameLength,
        SqlInfo::SqlMaxProcedureNameLength,
        SqlInfo::SqlMaxCatalogNameLength,
        SqlInfo::SqlMaxRowSize,
        SqlInfo::SqlMaxStatementLength,
        SqlInfo::SqlMaxStatements,
        SqlInfo::SqlMaxTableNameLength,
        SqlInfo::SqlMaxTablesInSelect,
        SqlInfo::SqlMaxUsernameLength,
        SqlInfo::SqlDefaultTransactionIsolation,
    ] {
        builder.append(info, 0_i64);
    }
}

fn data() -> Result<&'static SqlInfoData> {
    static DATA: OnceLock<Option<SqlInfoData>> = OnceLock::new();
    let data = DATA.get_or_init(|| {
        let mut builder = SqlInfoDataBuilder::new();
        identity(&mut builder);
        names_and_functions(&mut builder);
        queries(&mut builder);
        limits(&mut builder);
        builder.build().ok()
    });
    data.as_ref().ok_or_else(|| Error::Internal {
        query_id: "-".to_owned(),
        detail: "the table of SqlInfo values cannot be built".to_owned(),
    })
}

/// The schema of the answer.
pub(super) fn schema() -> SchemaRef {
    let fields = SqlInfoDataBuilder::schema().fields().iter();
    let renamed = fields.map(|field| {
        field
            .as_ref()
            .clone()
            .with_data_type(renamed(field.data_type()))
    });
    Arc::new(Schema::new(renamed.collect::<Vec<_>>()))
}

/// The values of `ids`; of all that there are if it is empty.
pub(super) fn batch(ids: &[u32]) -> Result<RecordBatch> {
    let internal = |detail: String| Error::Internal {
        query_id: "-".to_owned(),
        detail,
    };
    let failed = |error: ArrowError| internal(error.to_string());
    let batch = data()?
        .record_batch(ids.iter().copied())
        .map_err(|error| internal(error.to_string()))?;
    let columns = batch.columns().iter().map(|column| {
        let data = column.to_data();
        let children = data.child_data().iter().map(with_renamed).collect();
        let builder = data.into_builder().data_type(renamed(column.data_type()));
        builder.child_data(children).build().map(make_array)
    });
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    RecordBatch::try_new(schema(), columns).map_err(failed)
}

/// `data_type` with `key` and `value` in its maps: so the driver for Java and Arrow's libraries call
/// them, and look for them; the builder says `keys` and `values`.
fn renamed(data_type: &DataType) -> DataType {
    let with = |field: &Field, name: &str| {
        let data_type = renamed(field.data_type());
        Arc::new(field.clone().with_name(name).with_data_type(data_type))
    };
    match data_type {
        DataType::Map(entries, sorted) => {
            let entries_type = match entries.data_type() {
                DataType::Struct(pair) => {
                    let names = ["key", "value"].iter();
                    let pair = pair
                        .iter()
                        .zip(names)
                        .map(|(field, name)| with(field, name));
                    DataType::Struct(pair.collect())
                }
                other => other.clone(),
            };
            let entries = entries.as_ref().clone().with_data_type(entries_type);
            DataType::Map(Arc::new(entries), *sorted)
        }
        DataType::Union(fields, mode) => {
            let fields = fields
                .iter()
                .map(|(id, field)| (id, with(field, field.name())));
            DataType::Union(fields.collect(), *mode)
        }
        other => other.clone(),
    }
}

/// The data of a child under its renamed type.
fn with_renamed(data: &ArrayData) -> ArrayData {
    let to = renamed(data.data_type());
    let children = match &to {
        DataType::Map(entries, _) => data
            .child_data()
            .iter()
            .map(|child| relabelled(child, entries.data_type()))
            .collect(),
        _ => data.child_data().to_vec(),
    };
    let builder = data.clone().into_builder().data_type(to);
    builder
        .child_data(children)
        .build()
        .unwrap_or_else(|_| data.clone())
}

fn relabelled(data: &ArrayData, to: &DataType) -> ArrayData {
    let builder = data.clone().into_builder().data_type(to.clone());
    builder.build().unwrap_or_else(|_| data.clone())
}
