//! Rows of text under named columns.

use datafusion::arrow::datatypes::DataType;

use crate::planner::Planned;
use crate::{Result, rows};

/// A table of text.
pub(super) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Option<String>>>,
}

impl Table {
    pub(super) fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.row_with_nulls(cells.map(Some));
    }

    pub(super) fn row_with_nulls<const N: usize>(&mut self, cells: [Option<String>; N]) {
        self.rows.push(cells.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn planned(self) -> Result<Planned> {
        let columns: Vec<(&str, DataType)> = self
            .columns
            .iter()
            .map(|name| (*name, DataType::Utf8))
            .collect();
        rows(&columns, &self.rows)
    }
}
