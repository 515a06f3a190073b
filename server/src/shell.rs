//! `mica sql`: statements from a terminal, from arguments or from files; here or on a server.
//!
//! ```text
//! lines -> statements at `;` (strings, quotes and comments seen) -> shell command?  source, quit, help
//!                                                               `-> Backend: embedded | remote -> Output
//! ```

mod backend;
mod embedded;
mod meta;
mod output;
mod remote;
mod repl;
mod script;

use std::io::IsTerminal;

pub(crate) use output::Output;

use crate::args::{Script, SqlArgs};
use crate::commands::{AnyError, Outcome};
use backend::Backend;
use script::Shell;

/// Runs `mica sql`.
pub(crate) async fn run(args: SqlArgs) -> Outcome {
    let mut backend: Box<dyn Backend> = match &args.server {
        Some(url) => Box::new(remote::Remote::connect(url, &args).await?),
        None => Box::new(embedded::Embedded::open(&args)?),
    };
    if let Some(dialect) = &args.dialect {
        let dialect = mica_sql::Dialect::parse(dialect)?;
        backend.run(&format!("SET dialect = '{dialect}'")).await?;
    }
    let mut shell = Shell::new(backend, Output::new(args.format));
    shell.set_dialect(args.dialect.as_deref())?;
    let interactive = args.scripts.is_empty();
    if interactive && std::io::stdin().is_terminal() {
        return repl::run(shell).await;
    }
    for script in &args.scripts {
        let go_on = match script {
            Script::Text(text) => shell.script(text, None).await?,
            Script::File(file) => {
                let text = read(file)?;
                let outcome = shell.script(&text, file.parent()).await;
                outcome.map_err(|error| script::in_file(file, error))?
            }
        };
        if !go_on {
            return Ok(true);
        }
    }
    if interactive {
        let text = std::io::read_to_string(std::io::stdin())?;
        shell.script(&text, None).await?;
    }
    Ok(true)
}

fn read(file: &std::path::Path) -> Result<String, AnyError> {
    std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read '{}': {error}", file.display()).into())
}
