//! The commands of `mica`.

mod apply;
mod catalog;
mod reference;

use std::io::Write;
use std::process::ExitCode;

use crate::args::{Cli, Command, DEFAULT_LOG, ServeArgs};
use crate::config;
use crate::error::chain;
use crate::serve::{Listening, asked_to_stop};
use crate::warehouse::Warehouse;

/// Any error of a command: it is printed, with its causes, and ends the process.
pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;
/// What a command returns: whether all is well.
pub(crate) type Outcome = Result<bool, AnyError>;

/// Runs a command.
pub(crate) fn run(cli: Cli) -> ExitCode {
    // Of the server's statements an operator wants a line each; of his own he sees the answer.
    let quiet = !matches!(cli.command, Command::Serve(_));
    let filter = match (quiet, cli.log.as_str()) {
        (true, DEFAULT_LOG) => "warn",
        (_, filter) => filter,
    };
    if let Err(error) = crate::log::start(filter, cli.log_json) {
        eprintln!("mica: --log '{}': {error}", cli.log);
        return ExitCode::from(2);
    }
    // Two TLS libraries may be linked; which one serves is decided here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("mica-io")
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(dispatch(cli.command));
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = std::io::stdout().flush();
            eprintln!("mica: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Serve(args) => serve(args).await,
        Command::Apply(args) => apply::run(args).await,
        Command::Sql(args) => crate::shell::run(args).await,
        Command::Check(args) => catalog::check(&args).await,
        Command::Backup(args) => catalog::backup(&args).await,
        Command::Export(args) => catalog::export(&args).await,
        Command::Upgrade(args) => catalog::upgrade(&args),
        Command::Reference => {
            print!("{}", reference::markdown());
            Ok(true)
        }
    }
}

async fn serve(args: ServeArgs) -> Outcome {
    let mut config = config::serve(args)?;
    let warehouse = Warehouse::open(config.warehouse.clone())?;
    if let Some(project) = config.project.take() {
        apply::apply_project(&warehouse, &project, Default::default()).await?;
    }
    let listening = Listening::bind(config, warehouse).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "Flight SQL ready at {}", listening.url())?;
    stdout.flush()?;
    listening.run(asked_to_stop()).await?;
    Ok(true)
}
