#![doc = include_str!("../README.md")]

mod budget;
mod csv;
mod define;
mod diagnose;
mod error;
mod infer;
mod json;
mod listing;
mod location;
mod options;
mod parquet;
mod partitions;
mod provider;
mod renew;
mod scan;

pub use define::{Defined, Definition, InferenceLimits, define};
pub use diagnose::diagnose;
pub use error::{Error, Result};
pub use listing::{Listing, StatementListings};
pub use location::{Location, Roots};
pub use provider::{ExternalTableProvider, TableContext};
pub use renew::renew;
