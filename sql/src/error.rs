//! Why a statement cannot be read, planned or run.

use datafusion::common::DataFusionError;
use mica_catalog::RelationName;

use crate::Position;
use crate::message::message;

/// Why a statement cannot be read, planned or run. A variant names the cause, not the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not SQL of the dialect.
    #[error("syntax error at {position}: {message}")]
    Syntax {
        /// Where.
        position: Position,
        /// What was expected and what stands there.
        message: String,
    },
    /// The text is valid, but this Mica does not do it.
    #[error("{what} is not supported{}", at(position))]
    Unsupported {
        /// The construct, as a noun.
        what: String,
        /// Where, if known.
        position: Option<Position>,
    },
    /// The text does not make sense: a name, a type or a use of a function is wrong.
    #[error("{message}{}", at(position))]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where, if known.
        position: Option<Position>,
    },
    /// DataFusion refused the plan.
    #[error("{}{}", message(cause), at(position))]
    Planning {
        /// Where, if known.
        position: Option<Position>,
        /// What DataFusion said; it is part of the message, and so no source.
        cause: Box<DataFusionError>,
    },
    /// The definition of a stored view cannot be planned.
    #[error("view '{view}' cannot be used: {cause}")]
    View {
        /// The view.
        view: RelationName,
        /// Why; it is part of the message.
        #[source]
        cause: Box<Error>,
    },
    /// A column beneath a view no longer fits the columns that the view promises.
    #[error(
        "view '{view}' promises column '{column}' {problem}; replace the view, or the relation beneath it"
    )]
    SchemaChanged {
        /// The view.
        view: RelationName,
        /// The promised column.
        column: String,
        /// What the query gives instead.
        problem: String,
    },
    /// The catalog refused.
    #[error(transparent)]
    Catalog(#[from] mica_catalog::Error),
    /// A query names a relation that does not exist.
    #[error("{source} (at {position})")]
    Missing {
        /// Where it is named.
        position: Position,
        /// What the catalog says; it is part of the message.
        #[source]
        source: mica_catalog::Error,
    },
    /// A relation of the wrong kind.
    #[error("'{name}' is a {found}, not a {wanted}{}", advice(hint))]
    WrongKind {
        /// The relation.
        name: RelationName,
        /// What it is.
        found: &'static str,
        /// What the statement wants.
        wanted: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Views read what was to be dropped or changed.
    #[error("cannot {action} '{name}': {}{reason}", readers(dependents))]
    Dependents {
        /// What was tried, as a verb.
        action: &'static str,
        /// The relation.
        name: RelationName,
        /// The views that read it.
        dependents: Vec<RelationName>,
        /// Why that is a problem, and what to do.
        reason: String,
    },
    /// Statements of a project that wait for each other.
    #[error("views may not form a cycle: {path}")]
    Circle {
        /// The names along it, with their files and lines.
        path: String,
    },
    /// A limit was passed.
    #[error("{what} is over the limit of {limit} ({flag})")]
    Limit {
        /// What is too large, with its size.
        what: String,
        /// The limit.
        limit: u64,
        /// The flag that sets it.
        flag: &'static str,
    },
    /// A setting has no such value.
    #[error("'{value}' is not a value of the setting '{key}': expected {expected}")]
    Setting {
        /// The setting.
        key: String,
        /// What was given.
        value: String,
        /// What works.
        expected: String,
    },
    /// There is no such setting.
    #[error("unknown setting '{key}'{}", near_text(near))]
    UnknownSetting {
        /// The setting.
        key: String,
        /// Names that look alike.
        near: Vec<String>,
    },
    /// Several statements where one was expected.
    #[error("expected one statement, found {found}; send them one by one")]
    SeveralStatements {
        /// How many there are.
        found: usize,
    },
    /// No statement at all.
    #[error("the text holds no statement")]
    Empty,
    /// The number of values does not match the number of parameters.
    #[error("the statement has {expected} parameters, {found} values were bound")]
    Parameters {
        /// Parameters in the text.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// The files of a table could not be described.
    #[error("cannot define table '{name}'")]
    Define {
        /// The table.
        name: RelationName,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A validation query of a project failed.
    #[error("the query failed")]
    Validation {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of a project, with the error in it.
    #[error("{file}: {cause}")]
    File {
        /// Path of the file inside the project; with line and column where the cause has none.
        file: String,
        /// What is wrong in it; it is part of the message.
        #[source]
        cause: Box<Error>,
    },
    /// Several statements of a project are wrong.
    #[error("{}", listed(errors, *unseen))]
    Project {
        /// What is wrong with each, in the order of execution.
        errors: Vec<Error>,
        /// Statements that were not tried: they need one that failed, or enough had failed.
        unseen: usize,
    },
}

/// A result whose error is an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::Invalid`] without a position.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            position: None,
        }
    }

    /// The error for what DataFusion said while planning; positions are those of its diagnostics.
    pub fn planning(source: DataFusionError) -> Self {
        let span = source.diagnostic().and_then(|diagnostic| diagnostic.span);
        let position = span.map(|span| Position {
            line: span.start.line,
            column: span.start.column,
        });
        let position = position.filter(|position| position.line > 0);
        // It says so of a function that is given the wrong types, too.
        if let DataFusionError::Internal(said) = source.find_root()
            && said.contains("No function matches")
        {
            let message = message(&source);
            return Self::Invalid { message, position };
        }
        Self::Planning {
            position,
            cause: Box::new(source),
        }
    }

    /// The same without the place, for a message that names it already.
    pub(crate) fn without_position(self) -> Self {
        match self {
            Self::Syntax { message, .. } => Self::invalid(format!("syntax error: {message}")),
            Self::Missing { source, .. } => Self::Catalog(source),
            Self::Unsupported { what, .. } => Self::Unsupported {
                what,
                position: None,
            },
            Self::Invalid { message, .. } => Self::invalid(message),
            Self::Planning { cause, .. } => Self::Planning {
                position: None,
                cause,
            },
            other => other,
        }
    }

    /// Where in the text, if known.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Syntax { position, .. } | Self::Missing { position, .. } => Some(*position),
            Self::Unsupported { position, .. }
            | Self::Invalid { position, .. }
            | Self::Planning { position, .. } => *position,
            _ => None,
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(source: DataFusionError) -> Self {
        Self::planning(source)
    }
}

/// `error` and what caused it, in one line; a cause whose text is in the line already is left out.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// A line each.
fn listed(errors: &[Error], unseen: usize) -> String {
    let mut text = format!("{} statements failed", errors.len());
    match unseen {
        0 => {}
        1 => text += "; 1 more was not tried",
        more => text += &format!("; {more} more were not tried"),
    }
    for error in errors {
        text += &format!("\n  {}", chain(error));
    }
    text
}

fn at(position: &Option<Position>) -> String {
    let known = position.filter(|position| position.line > 0);
    known.map_or_else(String::new, |position| format!(" (at {position})"))
}

fn advice(hint: &str) -> String {
    if hint.is_empty() {
        String::new()
    } else {
        format!(": {hint}")
    }
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean '{}'?", near.join("' or '"))
    }
}

/// `it is read by 'a', 'b' and 3 more; `
fn readers(dependents: &[RelationName]) -> String {
    const NAMED_MAX: usize = 5;
    if dependents.is_empty() {
        return String::new();
    }
    let named: Vec<String> = dependents
        .iter()
        .take(NAMED_MAX)
        .map(|name| format!("'{name}'"))
        .collect();
    let more = dependents.len().saturating_sub(NAMED_MAX);
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!("it is read by {}{more}; ", named.join(", "))
}
