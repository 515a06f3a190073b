//! What runs a shell's statements.

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;

use crate::commands::AnyError;

/// What a statement gave.
pub(super) enum Answer {
    /// Rows.
    Rows {
        columns: SchemaRef,
        batches: BoxStream<'static, Result<RecordBatch, AnyError>>,
    },
    /// A line, or nothing.
    Message(String),
}

/// Runs one statement after the other, in one session.
#[async_trait]
pub(super) trait Backend: Send {
    /// Runs a statement.
    async fn run(&mut self, statement: &str) -> Result<Answer, AnyError>;

    /// What it is connected to, for the greeting.
    fn describe(&self) -> String;
}
