//! CSV files: headers, types and scans.

mod infer;
mod layout;
mod reader;
mod scan;

pub(crate) use infer::{has_newlines, infer};
pub(crate) use layout::{Layout, Layouts, unique_names};
pub(crate) use reader::{builder, compression as compression_of, open, uncompressed_name};
pub(crate) use scan::scan_group;
