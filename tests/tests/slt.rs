//! Every file of `slt/`, twice: in process, and over Flight SQL through a server of its own. Those of
//! `slt/bi/`, what BI tools write, over Flight SQL on the example project.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use libtest_mimic::{Arguments, Failed, Trial};
use mica::warehouse::{Ready, Warehouse, WarehouseConfig};
use mica_data::Roots;
use mica_sql::{Origin, SessionContext};
use mica_tests::{Client, Rows, Server, repository};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for file in files("tests/slt") {
        trials.push(trial("process", &file, in_process));
        trials.push(trial("flight", &file, |file| over_flight(file, &[])));
    }
    for file in files("tests/slt/bi") {
        trials.push(trial("bi", &file, |file| {
            let project = repository().join("examples/c360");
            over_flight(file, &[&project.to_string_lossy()]);
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// The `.slt` files of a folder of the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no .slt files");
    files
}

fn trial(engine: &str, file: &Path, run: fn(&Path)) -> Trial {
    let name = file.file_stem().unwrap().to_string_lossy();
    let file = file.to_owned();
    Trial::test(format!("{engine}::{name}"), move || {
        std::panic::catch_unwind(|| run(&file)).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            Failed::from(text.unwrap_or_else(|| "panicked".to_owned()))
        })
    })
}

/// An error as text, for `statement error`.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// The text of a file, with the folder of test data for `{data}` and a scratch folder for
/// `{scratch}`.
fn script(file: &Path, scratch: &Path) -> String {
    let data = repository().join("tests/slt/data");
    let text = std::fs::read_to_string(file).unwrap();
    text.replace("{data}", &data.to_string_lossy())
        .replace("{scratch}", &scratch.to_string_lossy())
}

fn in_process(file: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().canonicalize().unwrap();
    let data = repository().join("tests/slt/data");
    let config = WarehouseConfig {
        catalog: scratch.join("catalog.db"),
        roots: Roots::new(&[data, scratch.clone()]).unwrap(),
        ..WarehouseConfig::default()
    };
    let warehouse = Warehouse::open(config).unwrap();
    runtime().block_on(async {
        let connect = || async {
            Ok(InProcess {
                warehouse: warehouse.clone(),
                session: SessionContext::default(),
            })
        };
        let outcome = Runner::new(connect)
            .run_script_async(&script(file, &scratch))
            .await;
        outcome.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    });
}

struct InProcess {
    warehouse: Warehouse,
    session: SessionContext,
}

#[async_trait]
impl AsyncDB for InProcess {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        let refused = |error: mica::error::Error| Refused(mica::error::chain(&error));
        let ready = self.warehouse.prepare(sql, &self.session, None, None).await;
        match ready.map_err(refused)?.ready {
            Ready::Query(kept) => {
                let stream = self.warehouse.run(kept, sql, &self.session, &[]);
                let schema = Arc::clone(stream.schema());
                let batches = stream.try_collect().await.map_err(refused)?;
                Ok(output(&Rows { schema, batches }))
            }
            Ready::Command(parsed) => {
                let session = self.session.clone();
                let effect = self
                    .warehouse
                    .execute(parsed, session, Origin::Client)
                    .await;
                if let Some(session) = effect.map_err(refused)?.session {
                    self.session = session;
                }
                Ok(DBOutput::StatementComplete(0))
            }
            Ready::Kill(id) => Err(Refused(format!("no query {id}"))),
        }
    }

    async fn shutdown(&mut self) {}
}

fn over_flight(file: &Path, arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().canonicalize().unwrap();
    let data = repository().join("tests/slt/data");
    let (data, root) = (data.to_string_lossy(), scratch.to_string_lossy());
    let places = [
        "--warehouse",
        &root,
        "--data-root",
        &data,
        "--data-root",
        &root,
    ];
    let server = Server::start(
        env!("CARGO_BIN_EXE_mica-under-test"),
        &[arguments, &places].concat(),
    );
    runtime().block_on(async {
        let connect = || async {
            Ok(OverFlight {
                client: server.client().await,
            })
        };
        let outcome = Runner::new(connect)
            .run_script_async(&script(file, &scratch))
            .await;
        outcome.unwrap_or_else(|error| panic!("{}: {error}\n{}", file.display(), server.log()));
    });
}

struct OverFlight {
    client: Client,
}

#[async_trait]
impl AsyncDB for OverFlight {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        let rows = self.client.query(sql).await;
        let rows = rows.map_err(|status| Refused(status.message().to_owned()))?;
        match rows.schema.fields().is_empty() {
            true => Ok(DBOutput::StatementComplete(0)),
            false => Ok(output(&rows)),
        }
    }

    async fn shutdown(&mut self) {}
}

fn output(rows: &Rows) -> DBOutput<DefaultColumnType> {
    use datafusion::arrow::datatypes::DataType;
    let types = rows
        .schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            data_type if data_type.is_integer() => DefaultColumnType::Integer,
            data_type if data_type.is_numeric() => DefaultColumnType::FloatingPoint,
            DataType::Utf8 => DefaultColumnType::Text,
            _ => DefaultColumnType::Any,
        });
    let text = |cell: String| {
        if cell.is_empty() {
            "(empty)".to_owned()
        } else {
            cell.replace('\n', "\\n")
        }
    };
    DBOutput::Rows {
        types: types.collect(),
        rows: rows
            .text()
            .into_iter()
            .map(|row| row.into_iter().map(text).collect())
            .collect(),
    }
}
