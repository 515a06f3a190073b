#![doc = include_str!("../README.md")]

mod session;
mod ticket;

pub use session::{
    CloseSessionResult, CloseStatus, GetSessionOptionsResult, OptionError, OptionErrorKind,
    SessionOption, SessionOptionValue, SetSessionOptionsRequest, SetSessionOptionsResult,
    StringList, is_update_field,
};
pub use ticket::{Error, Kind, Statement, TemporaryRelation, open, seal};
