//! The files beside the database: the record of acknowledged versions, backups, and what kind of
//! disk they stand on.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{open, read};
use crate::{Error, Result, Version};

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        action,
        path,
        source,
    }
}

/// Makes the folder of a file.
pub(super) fn create_folder(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            std::fs::create_dir_all(folder).map_err(io("create the folder", folder))
        }
        _ => Ok(()),
    }
}

/// Makes the file, readable by its owner alone: it holds the key of the tickets.
pub(super) fn create_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(io("create", path)(error)),
    }
}

/// The path of the file that records the newest acknowledged version.
fn head_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}

/// Records that `version` is about to be acknowledged, durably.
pub(super) fn record_head(path: &Path, catalog_id: &str, version: Version) -> Result<()> {
    let head = head_path(path);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&head).map_err(io("open", &head))?;
    // Fixed width and one write: a reader sees the old or the new line. Of two processes the
    // slower may write the smaller number; then the record is one commit less strict.
    let line = format!("{catalog_id} {:020}\n", version.0);
    file.write_all(line.as_bytes())
        .map_err(io("write", &head))?;
    file.sync_data().map_err(io("sync", &head))
}

/// The newest version that was recorded as acknowledged, if there is a record of this catalog.
pub(super) fn acknowledged(path: &Path, catalog_id: &str) -> Result<Option<Version>> {
    let record = recorded(path)?.filter(|(id, _)| id == catalog_id);
    Ok(record.map(|(_, version)| version))
}

/// The catalog's id and its newest version that was acknowledged, if there is a record.
pub(super) fn recorded(path: &Path) -> Result<Option<(String, Version)>> {
    let head = head_path(path);
    let mut text = String::new();
    match File::open(&head) {
        Ok(mut file) => file.read_to_string(&mut text).map_err(io("read", &head))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", &head)(error)),
    };
    let record = text.trim_end().split_once(' ');
    Ok(record.and_then(|(id, number)| Some((id.to_owned(), Version(number.parse().ok()?)))))
}

/// Checks that a database that was read after its record holds every acknowledged version.
pub(super) fn check_head(path: &Path, acknowledged: Option<Version>, found: Version) -> Result<()> {
    match acknowledged {
        Some(acknowledged) if acknowledged > found => Err(Error::LostCommits {
            path: path.to_owned(),
            found,
            acknowledged,
            head: head_path(path),
        }),
        _ => Ok(()),
    }
}

/// Copies the whole database, as of one version, to a new file.
pub(super) fn backup(reader: &Connection, path: &Path, target: &Path) -> Result<Version> {
    if target.exists() {
        return Err(Error::BackupExists {
            path: target.to_owned(),
        });
    }
    // Written beside the target and renamed, so that a half backup is never mistaken for one.
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    create_private(&partial)?;
    reader
        .backup(
            rusqlite::MAIN_DB,
            &partial,
            None::<fn(rusqlite::backup::Progress)>,
        )
        .map_err(|source| open::sqlite_error(path, "copy to the backup", source))?;
    let copy = Connection::open(&partial)
        .map_err(|source| open::sqlite_error(&partial, "open the copy", source))?;
    copy.execute_batch("PRAGMA journal_mode=DELETE;")
        .map_err(|source| open::sqlite_error(&partial, "finish the copy", source))?;
    let version = read::newest_version(&copy, &partial)?;
    drop(copy);
    let file = File::open(&partial).map_err(io("open", &partial))?;
    file.sync_all().map_err(io("sync", &partial))?;
    std::fs::rename(&partial, target).map_err(io("rename", &partial))?;
    Ok(version)
}

/// SQLite's WAL needs memory that all processes share, which network file systems do not give.
#[cfg(target_os = "linux")]
pub(super) fn refuse_network_file_system(path: &Path) -> Result<()> {
    // Numbers from statfs(2).
    const NETWORK: [(i64, &str); 6] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB2"),
        (0x5346_414f, "AFS"),
        (0x00c3_6400, "Ceph"),
    ];
    let existing = path.ancestors().find(|at| at.exists());
    let existing = existing.unwrap_or(Path::new("."));
    let Ok(stat) = rustix::fs::statfs(existing) else {
        return Ok(());
    };
    let kind = NETWORK.iter().find(|(magic, _)| stat.f_type == *magic);
    match kind {
        Some((_, kind)) => Err(Error::NetworkFileSystem {
            path: path.to_owned(),
            kind,
        }),
        None => Ok(()),
    }
}

/// Only Linux tells the kind of a file system by number.
#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_network_file_system(_path: &Path) -> Result<()> {
    Ok(())
}
