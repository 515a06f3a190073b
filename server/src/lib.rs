#![doc = include_str!("../README.md")]

pub mod engine;
pub mod error;
pub mod flight;
mod log;
pub mod queries;
pub mod session;
pub mod status;
pub mod warehouse;
