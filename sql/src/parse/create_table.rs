//! `CREATE TABLE` over files, in DataFusion's, Spark's and Hive's spelling.
//!
//! ```text
//! DataFusion  CREATE EXTERNAL TABLE t (..) STORED AS CSV LOCATION 'p' OPTIONS ('format.has_header' 'true')
//! Spark       CREATE TABLE t (..) USING csv OPTIONS (path 'p', header 'true')
//! Hive        CREATE EXTERNAL TABLE t (..) ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
//!             STORED AS TEXTFILE LOCATION 'p'
//! ```

use std::collections::BTreeMap;

use sqlparser::ast::{DataType as SqlDataType, ObjectName};
use sqlparser::tokenizer::Token;

use super::{StatementParser, syntax};
use crate::statement::{CreateTable, TableColumn};
use crate::{Result, Statement, types};

impl StatementParser<'_> {
    /// After `CREATE .. TABLE`.
    pub(super) fn create_table(
        &mut self,
        or_replace: bool,
        temporary: bool,
        external: bool,
    ) -> Result<Statement> {
        let if_not_exists = self.words(&["IF", "NOT", "EXISTS"]);
        let name = self.object_name()?;
        let columns = self.optional_table_columns()?;
        self.table_using(
            name,
            or_replace,
            if_not_exists,
            temporary,
            external,
            columns,
        )
    }

    /// The clauses behind the columns.
    pub(super) fn table_using(
        &mut self,
        name: ObjectName,
        or_replace: bool,
        if_not_exists: bool,
        temporary: bool,
        external: bool,
        columns: Vec<TableColumn>,
    ) -> Result<Statement> {
        let mut table = CreateTable {
            name,
            or_replace,
            if_not_exists,
            temporary,
            columns,
            partition_columns: Vec::new(),
            format: String::new(),
            location: None,
            options: BTreeMap::new(),
            comment: None,
            properties: BTreeMap::new(),
            text: self.text.text.clone(),
        };
        let mut using = false;
        while !self.at_end() {
            using |= self.peek_word("USING");
            self.table_clause(&mut table)?;
        }
        if let Some(path) = table.options.remove("path") {
            table.location.get_or_insert(path);
        }
        if !external && !using && !temporary && table.location.is_none() {
            return self.unsupported("a managed table (CREATE TABLE without LOCATION)");
        }
        if table.format.is_empty() {
            let found = self.parser.peek_token();
            return self.expected("STORED AS or USING, and a format", found);
        }
        Ok(Statement::CreateTable(table))
    }

    fn table_clause(&mut self, table: &mut CreateTable) -> Result<()> {
        if self.try_word("USING") || self.words(&["STORED", "AS"]) {
            table.format = self.format()?;
        } else if self.try_word("LOCATION") {
            if self.parser.peek_token().token == Token::LParen {
                return self.unsupported("a list of locations");
            }
            table.location = Some(self.string()?);
        } else if self.try_word("OPTIONS") {
            for (key, value) in self.options()? {
                let key = key.strip_prefix("format.").unwrap_or(&key).to_owned();
                table.options.insert(key, value);
            }
        } else if self.words(&["ROW", "FORMAT"]) {
            self.row_format(table)?;
        } else if self.words(&["PARTITIONED", "BY"]) {
            self.partitioned_by(table)?;
        } else if self.try_word("COMMENT") {
            table.comment = Some(self.string()?);
        } else if self.try_word("TBLPROPERTIES") {
            table.properties = self.options()?;
        } else if self.peek_word("AS") {
            return self.unsupported("CREATE TABLE .. AS SELECT");
        } else if self.words(&["WITH", "ORDER"]) {
            return self.unsupported("WITH ORDER");
        } else {
            let found = self.parser.peek_token();
            let wanted = "STORED AS, USING, LOCATION, OPTIONS, PARTITIONED BY, ROW FORMAT, \
                          COMMENT or TBLPROPERTIES";
            return self.expected(wanted, found);
        }
        Ok(())
    }

    fn format(&mut self) -> Result<String> {
        let next = self.parser.peek_token();
        let name = self.setting_key()?;
        let short = name.rsplit('.').next().unwrap_or(&name).to_uppercase();
        match short.as_str() {
            "CSV" | "JSON" | "PARQUET" | "TEXTFILE" => Ok(short),
            "NDJSON" | "JSONL" => Ok("JSON".to_owned()),
            "ORC" | "AVRO" | "DELTA" | "ICEBERG" | "JDBC" | "HIVE" | "TEXT" => {
                self.unsupported(&format!("the format {short}"))
            }
            _ => self.expected("CSV, JSON, PARQUET or TEXTFILE", next),
        }
    }

    /// After `ROW FORMAT`.
    fn row_format(&mut self, table: &mut CreateTable) -> Result<()> {
        if self.peek_word("SERDE") {
            return self.unsupported("ROW FORMAT SERDE");
        }
        self.word("DELIMITED")?;
        loop {
            let key = if self.words(&["FIELDS", "TERMINATED", "BY"]) {
                "delimiter"
            } else if self.words(&["ESCAPED", "BY"]) {
                "escape"
            } else if self.words(&["LINES", "TERMINATED", "BY"]) {
                let terminator = self.string()?;
                if terminator != "\n" && terminator != "\\n" {
                    return self.unsupported("LINES TERMINATED BY anything but '\\n'");
                }
                continue;
            } else if self.words(&["NULL", "DEFINED", "AS"]) {
                "null_value"
            } else if self.words(&["COLLECTION", "ITEMS"]) || self.words(&["MAP", "KEYS"]) {
                return self.unsupported("nested types in a text file");
            } else {
                return Ok(());
            };
            let value = self.string()?;
            table.options.insert(key.to_owned(), value);
        }
    }

    /// `(day STRING, hour INT)` declares; `(day, hour)` names declared or inferred columns.
    fn partitioned_by(&mut self, table: &mut CreateTable) -> Result<()> {
        let typed = !matches!(
            self.parser.peek_nth_token(2).token,
            Token::Comma | Token::RParen
        );
        if typed {
            let columns = self.table_columns()?;
            let names = columns.iter().map(|column| column.name.clone());
            table.partition_columns.extend(names);
            table.columns.extend(columns);
            return Ok(());
        }
        let names = self.in_brackets(Self::name)?;
        table.partition_columns.extend(names);
        Ok(())
    }

    /// The columns in parentheses, if there are any.
    pub(super) fn optional_table_columns(&mut self) -> Result<Vec<TableColumn>> {
        match self.parser.peek_token().token {
            Token::LParen => self.table_columns(),
            _ => Ok(Vec::new()),
        }
    }

    fn table_columns(&mut self) -> Result<Vec<TableColumn>> {
        self.in_brackets(Self::table_column)
    }

    fn table_column(&mut self) -> Result<TableColumn> {
        let name = self.name()?;
        let at = self.parser.peek_token().span.start;
        let written: SqlDataType = self.parser.parse_data_type().map_err(syntax)?;
        let data_type = types::from_sql(&written, self.dialect, Some(at.into()))?;
        let (mut required, mut comment) = (false, None);
        loop {
            if self.words(&["NOT", "NULL"]) {
                required = true;
            } else if self.try_word("COMMENT") {
                comment = Some(self.string()?);
            } else if !self.try_word("NULL") {
                break;
            }
        }
        Ok(TableColumn {
            name,
            data_type,
            required,
            comment,
        })
    }
}
