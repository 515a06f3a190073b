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

/// Stack of a thread that serves clients, and plans: enough to drop a plan hundreds of views deep.
/// Only what is touched becomes memory.
const IO_STACK_BYTES: usize = 64 << 20;

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
    match on_deep_stack(cli.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = std::io::stdout().flush();
            eprintln!("mica: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command on a thread whose stack is that of the runtime's.
fn on_deep_stack(command: Command) -> Outcome {
    let work = || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("mica-io")
            .thread_stack_size(IO_STACK_BYTES)
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(dispatch(command));
        runtime.shutdown_background();
        outcome
    };
    let thread = std::thread::Builder::new()
        .name("mica".to_owned())
        .stack_size(IO_STACK_BYTES);
    match thread.spawn(work)?.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
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
    let (warehouse, project) = (config.warehouse.clone(), config.project.take());
    let listening = Listening::bind(config).await?;
    let warehouse = Warehouse::open(warehouse)?;
    if let Some(project) = project {
        apply::apply_project(&warehouse, &project, Default::default()).await?;
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "Flight SQL ready at {}", listening.url())?;
    stdout.flush()?;
    listening.run(warehouse, asked_to_stop()).await?;
    Ok(true)
}
