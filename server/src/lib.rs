#![doc = include_str!("../README.md")]

pub mod args;
mod commands;
pub mod config;
pub mod engine;
pub mod error;
pub mod flight;
mod log;
mod project;
pub mod queries;
pub mod serve;
pub mod session;
mod shell;
pub mod status;
pub mod warehouse;

use std::process::ExitCode;

/// Runs `mica` with the arguments of the process.
pub fn main() -> ExitCode {
    commands::run(args::Cli::read(std::env::args_os()))
}
