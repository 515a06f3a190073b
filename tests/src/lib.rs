#![doc = include_str!("../README.md")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use arrow_flight::FlightInfo;
use arrow_flight::sql::client::FlightSqlServiceClient;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use tonic::transport::{Channel, Endpoint};

/// The root of the repository whose tests run, which need not be the one they were built in: clones
/// may share a target folder.
pub fn repository() -> PathBuf {
    let tests = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    tests.parent().unwrap().to_owned()
}

/// A server process. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it answers, as it said itself.
    pub url: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts `binary serve` with `arguments` on a free port, and waits until it is ready.
    ///
    /// # Panics
    /// If it ends before it is ready.
    pub fn start(binary: &str, arguments: &[&str]) -> Self {
        Self::try_start(binary, arguments, &[]).unwrap_or_else(|log| panic!("it ended: {log}"))
    }

    /// As [`Server::start`], with variables; its log if it ends before it is ready.
    #[expect(clippy::zombie_processes, reason = "`Drop` waits")]
    pub fn try_start(
        binary: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut command = Command::new(binary);
        command.arg("serve").args(arguments);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.envs(variables.iter().copied());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..read]);
                sink.lock().unwrap().push_str(&text);
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                child.wait().unwrap();
                reader.join().unwrap();
                return Err(log.lock().unwrap().clone());
            }
            if let Some(url) = line.trim().strip_prefix("Flight SQL ready at ") {
                let url = url.to_owned();
                // Nobody reads on: the pipe must not fill up.
                std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
                let reader = Some(reader);
                return Ok(Self {
                    child,
                    url,
                    log,
                    reader,
                });
            }
        }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        self.url
            .split_once("://")
            .map_or(&self.url, |(_, address)| address)
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; its exit status.
    pub fn terminate(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap()
    }

    /// SIGTERM; all that it has logged.
    pub fn stop_and_log(mut self) -> String {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.log()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// A client on a connection of its own.
    pub async fn client(&self) -> Client {
        Client::connect(&self.url).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command of the binary; its output.
pub fn run(binary: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// stdout and stderr of a command that must succeed.
#[track_caller]
pub fn succeeds(binary: &str, arguments: &[&str]) -> (String, String) {
    let output = run(binary, arguments);
    let (stdout, stderr) = texts(&output);
    assert!(
        output.status.success(),
        "{arguments:?} failed:\n{stdout}\n{stderr}"
    );
    (stdout, stderr)
}

/// stderr of a command that must fail.
#[track_caller]
pub fn fails(binary: &str, arguments: &[&str]) -> String {
    let output = run(binary, arguments);
    let (stdout, stderr) = texts(&output);
    assert!(
        !output.status.success(),
        "{arguments:?} succeeded:\n{stdout}\n{stderr}"
    );
    stderr
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A Flight SQL client that checks what strict drivers check.
#[derive(Debug)]
pub struct Client {
    /// The client of `arrow-flight`.
    pub inner: FlightSqlServiceClient<Channel>,
}

/// What a statement gave.
#[derive(Debug)]
pub struct Rows {
    /// The schema of the FlightInfo, which the stream's equals.
    pub schema: SchemaRef,
    /// The batches.
    pub batches: Vec<RecordBatch>,
}

impl Client {
    /// Connects to `grpc://host:port`.
    pub async fn connect(url: &str) -> Self {
        Self::try_connect(url).await.unwrap()
    }

    /// As [`Client::connect`], to a server that may be gone.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn try_connect(url: &str) -> Result<Self, tonic::transport::Error> {
        let address = url.replace("grpc://", "http://");
        let channel = Endpoint::new(address)?.connect().await?;
        Ok(Self {
            inner: FlightSqlServiceClient::new(channel),
        })
    }

    /// The FlightInfo of a statement.
    ///
    /// # Errors
    /// The server's status.
    pub async fn info(&mut self, sql: &str) -> Result<FlightInfo, tonic::Status> {
        self.inner
            .execute(sql.to_owned(), None)
            .await
            .map_err(|error| status(&error))
    }

    /// Runs a statement and reads all of its rows. The schemas of info and stream must be equal,
    /// nullability included.
    ///
    /// # Errors
    /// The server's status.
    pub async fn query(&mut self, sql: &str) -> Result<Rows, tonic::Status> {
        let info = self.info(sql).await?;
        self.fetch(info).await
    }

    /// Reads the rows of a FlightInfo.
    ///
    /// # Errors
    /// The server's status.
    pub async fn fetch(&mut self, info: FlightInfo) -> Result<Rows, tonic::Status> {
        let schema = Arc::new(info.clone().try_decode_schema().unwrap());
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let mut stream = self
            .inner
            .do_get(ticket)
            .await
            .map_err(|error| status(&error))?;
        let mut batches: Vec<RecordBatch> = Vec::new();
        loop {
            match stream.try_next().await {
                Ok(Some(batch)) => batches.push(batch),
                Ok(None) => break,
                Err(error) => return Err(status(&error)),
            }
        }
        let streamed = stream.schema().cloned();
        assert_eq!(
            streamed.as_ref(),
            Some(&schema),
            "FlightInfo and stream differ"
        );
        Ok(Rows { schema, batches })
    }

    /// Runs a statement that must fail.
    #[track_caller]
    pub fn fails(&mut self, sql: &str) -> impl Future<Output = tonic::Status> {
        let sql = sql.to_owned();
        async move {
            match self.query(&sql).await {
                Err(status) => status,
                Ok(rows) => panic!("{sql} succeeded: {:?}", rows.text()),
            }
        }
    }
}

impl Rows {
    /// The rows as text, NULL as `NULL`.
    pub fn text(&self) -> Vec<Vec<String>> {
        let options = FormatOptions::default()
            .with_null("NULL")
            .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
        let mut rows = Vec::new();
        for batch in &self.batches {
            let cells: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                rows.push(
                    cells
                        .iter()
                        .map(|cell| cell.value(row).to_string())
                        .collect(),
                );
            }
        }
        rows
    }

    /// The one value of the one row.
    #[track_caller]
    pub fn value(&self) -> String {
        let rows = self.text();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0][0].clone()
    }
}

/// The gRPC status behind an error of the client.
fn status(error: &(dyn std::error::Error + 'static)) -> tonic::Status {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(status) = error.downcast_ref::<tonic::Status>() {
            return status.clone();
        }
        if let Some(arrow_flight::error::FlightError::Tonic(status)) = error.downcast_ref() {
            return (**status).clone();
        }
        if let Some(datafusion::arrow::error::ArrowError::ExternalError(inner)) =
            error.downcast_ref()
        {
            cause = Some(&**inner);
            continue;
        }
        cause = error.source();
    }
    tonic::Status::unknown(error.to_string())
}
