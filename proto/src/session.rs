//! Messages of `Flight.proto` and `FlightSql.proto` that `arrow-flight` 59 has no types for.
//!
//! Source: `format/Flight.proto` and `format/FlightSql.proto` of Apache Arrow 20.

use std::collections::HashMap;

use prost::{Message, Oneof};

/// The value of a session option.
#[derive(Clone, PartialEq, Message)]
pub struct SessionOptionValue {
    /// None means: unset.
    #[prost(oneof = "SessionOption", tags = "1, 2, 3, 4, 5")]
    pub value: Option<SessionOption>,
}

/// The types that the value of a session option can have.
#[derive(Clone, PartialEq, Oneof)]
pub enum SessionOption {
    /// Text.
    #[prost(string, tag = "1")]
    Text(String),
    /// Yes or no.
    #[prost(bool, tag = "2")]
    Boolean(bool),
    /// A whole number.
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Several texts.
    #[prost(message, tag = "5")]
    List(StringList),
}

/// Several texts.
#[derive(Clone, PartialEq, Message)]
pub struct StringList {
    /// The texts.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// Body of the action `SetSessionOptions`.
#[derive(Clone, PartialEq, Message)]
pub struct SetSessionOptionsRequest {
    /// Option to value.
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

/// Answer of the action `SetSessionOptions`: the options that could not be set.
#[derive(Clone, PartialEq, Message)]
pub struct SetSessionOptionsResult {
    /// Option to what is wrong with it.
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, OptionError>,
}

/// What is wrong with an option.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct OptionError {
    /// The kind of error.
    #[prost(enumeration = "OptionErrorKind", tag = "1")]
    pub value: i32,
}

/// Kinds of [`OptionError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum OptionErrorKind {
    /// Not a kind.
    Unspecified = 0,
    /// There is no such option.
    InvalidName = 1,
    /// The option has no such value.
    InvalidValue = 2,
    /// Something else.
    Error = 3,
}

/// Answer of the action `GetSessionOptions`.
#[derive(Clone, PartialEq, Message)]
pub struct GetSessionOptionsResult {
    /// Option to value.
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

/// Answer of the action `CloseSession`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct CloseSessionResult {
    /// How it ended.
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub status: i32,
}

/// How closing a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum CloseStatus {
    /// Not a status.
    Unspecified = 0,
    /// It is closed.
    Closed = 1,
    /// It will be.
    Closing = 2,
    /// It cannot be.
    NotCloseable = 3,
}

/// Field 4 of `ActionCreatePreparedStatementResult`, `is_update`, which `arrow-flight` 59 lacks: to be
/// appended to the encoded message.
pub fn is_update_field(is_update: bool) -> [u8; 2] {
    [0x20, u8::from(is_update)]
}
