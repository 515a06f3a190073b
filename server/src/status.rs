//! gRPC codes: chosen here and nowhere else.

use mica_catalog::Error as CatalogError;
use mica_data::Error as DataError;
use mica_sql::Error as SqlError;
use tonic::{Code, Status};

use datafusion::error::DataFusionError;

use crate::error::{Error, chain};

/// A message goes in a header; clients refuse long ones.
const MESSAGE_BYTES_MAX: usize = 4000;

/// The status of an error.
pub fn status(error: &Error) -> Status {
    let mut message = chain(error);
    if message.len() > MESSAGE_BYTES_MAX {
        let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
        message.truncate(end);
        message.push_str(" ..");
    }
    Status::new(code(error), message)
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status(&error)
    }
}

/// The code of an error.
pub fn code(error: &Error) -> Code {
    match error {
        Error::Sql(error) => sql_code(error),
        Error::Catalog(error) => catalog_code(error),
        Error::Data(error) => data_code(error),
        Error::Execution { cause } => execution_code(cause),
        Error::Ticket(mica_proto::Error::NotOurs) => Code::InvalidArgument,
        Error::Ticket(mica_proto::Error::Expired) => Code::FailedPrecondition,
        Error::QueueFull { .. }
        | Error::QueueWait { .. }
        | Error::TooManySessions { .. }
        | Error::RequestTooLarge { .. }
        | Error::TooManyPolled { .. }
        | Error::PolledTooLarge { .. }
        | Error::SpillFull { .. } => Code::ResourceExhausted,
        Error::Timeout { .. } => Code::DeadlineExceeded,
        Error::Stuck { .. } => Code::Aborted,
        Error::IdleStream { .. } | Error::Unpolled { .. } | Error::Killed | Error::ClientGone => {
            Code::Cancelled
        }
        Error::Shared(error) => code(error),
        Error::Stopping | Error::Spool { .. } => Code::Unavailable,
        Error::NoSuchQuery { .. } => Code::NotFound,
        Error::Unauthenticated { .. } => Code::Unauthenticated,
        Error::Forbidden { .. } => Code::PermissionDenied,
        Error::Request { .. } => Code::InvalidArgument,
        Error::Unsupported { .. } => Code::Unimplemented,
        Error::Internal { .. } => Code::Internal,
    }
}

fn sql_code(error: &SqlError) -> Code {
    match error {
        SqlError::Syntax { .. }
        | SqlError::Invalid { .. }
        | SqlError::Setting { .. }
        | SqlError::UnknownSetting { .. }
        | SqlError::SeveralStatements { .. }
        | SqlError::Empty
        | SqlError::Parameters { .. }
        | SqlError::WrongKind { .. } => Code::InvalidArgument,
        SqlError::Planning { cause, .. } => planning_code(cause),
        SqlError::Unsupported { .. } => Code::Unimplemented,
        SqlError::Missing { source, .. } => catalog_code(source),
        SqlError::Circle { .. }
        | SqlError::View { .. }
        | SqlError::SchemaChanged { .. }
        | SqlError::Dependents { .. } => Code::FailedPrecondition,
        SqlError::Catalog(error) => catalog_code(error),
        SqlError::Limit { .. } => Code::ResourceExhausted,
        SqlError::Define { source, .. } | SqlError::Validation { source } => boxed_code(&**source),
        SqlError::File { cause, .. } => sql_code(cause),
        SqlError::Project { errors, .. } => errors.first().map_or(Code::InvalidArgument, sql_code),
    }
}

fn boxed_code(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Code {
    if let Some(error) = error.downcast_ref::<DataError>() {
        return data_code(error);
    }
    error
        .downcast_ref::<Error>()
        .map_or(Code::InvalidArgument, code)
}

fn planning_code(error: &DataFusionError) -> Code {
    match error.find_root() {
        DataFusionError::Internal(_) => Code::Internal,
        DataFusionError::NotImplemented(_) => Code::Unimplemented,
        DataFusionError::ResourcesExhausted(_) => Code::ResourceExhausted,
        _ => Code::InvalidArgument,
    }
}

fn catalog_code(error: &CatalogError) -> Code {
    match error {
        CatalogError::NotFound { .. } | CatalogError::SchemaNotFound { .. } => Code::NotFound,
        CatalogError::AlreadyExists { .. } | CatalogError::BackupExists { .. } => {
            Code::AlreadyExists
        }
        CatalogError::BadName { .. } => Code::InvalidArgument,
        CatalogError::SchemaNotEmpty { .. }
        | CatalogError::Cycle { .. }
        | CatalogError::VersionGone { .. }
        | CatalogError::NewerFormat { .. }
        | CatalogError::OlderFormat { .. }
        | CatalogError::NotACatalog { .. }
        | CatalogError::NetworkFileSystem { .. } => Code::FailedPrecondition,
        CatalogError::Conflict { .. } => Code::Aborted,
        CatalogError::Busy { .. } | CatalogError::Io { .. } | CatalogError::Sqlite { .. } => {
            Code::Unavailable
        }
        CatalogError::Corrupt { .. } | CatalogError::LostCommits { .. } => Code::DataLoss,
        CatalogError::Encode { .. } => Code::Internal,
    }
}

fn data_code(error: &DataError) -> Code {
    match error {
        DataError::Missing { .. } | DataError::NoFiles { .. } => Code::NotFound,
        DataError::OutsideRoots { .. } => Code::PermissionDenied,
        DataError::Empty { .. } | DataError::BadRow { .. } | DataError::Malformed { .. } => {
            Code::FailedPrecondition
        }
        DataError::BadLocation { .. }
        | DataError::UnknownOption { .. }
        | DataError::BadOption { .. }
        | DataError::Columns { .. } => Code::InvalidArgument,
        DataError::Scheme { .. } | DataError::Format { .. } => Code::Unimplemented,
        DataError::Io { .. } | DataError::Store { .. } => Code::Unavailable,
        DataError::DataFusion { source, .. } => execution_code(source),
    }
}

fn execution_code(error: &DataFusionError) -> Code {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => Code::ResourceExhausted,
        DataFusionError::NotImplemented(_) => Code::Unimplemented,
        DataFusionError::Internal(_) => Code::Internal,
        DataFusionError::ObjectStore(error) => match **error {
            object_store::Error::NotFound { .. } => Code::NotFound,
            _ => Code::Unavailable,
        },
        DataFusionError::IoError(_) => Code::Unavailable,
        // What the query's data do to its expressions: a bad cast, a division by zero.
        _ => Code::InvalidArgument,
    }
}
