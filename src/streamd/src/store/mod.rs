//! What outlives the process: one SQLite file under the data folder, and the key that seals the secrets in it.
//!
//! The SQL is what PostgreSQL takes too. One connection writes, so that no two transactions of this process ever wait
//! for each other inside the database; a few others read.

pub mod dashboard;
pub mod idempotency;
pub mod keys;
mod migrations;
pub mod source_events;
pub mod streams;
mod vault;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

pub use vault::Vault;
pub(crate) use vault::write_key;

const DATABASE: &str = "streamd.db";
const LOCK: &str = "streamd.lock";
const SECRET_KEY: &str = "secret.key";
const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused, or could not be reached.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database is of a later version, or its migration failed.
    #[error("the database's migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A file of the data folder could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// Another process uses the data folder.
    #[error("{0} is in use by another streamd")]
    InUse(PathBuf),
    /// There is a database, but the key of its secrets is gone.
    #[error(
        "{0} is missing: the secrets in the database cannot be read without it; restore it from a backup"
    )]
    KeyMissing(PathBuf),
    /// The key file does not hold a key.
    #[error("{0} does not hold 32 bytes")]
    KeyMalformed(PathBuf),
    /// A sealed secret does not open: the database and the key file do not belong together, or a row was changed.
    #[error("the secret of {0} cannot be opened with this data folder's secret.key")]
    Sealed(String),
    /// A row holds what this version does not understand.
    #[error("{row} in the database has {problem}")]
    Row {
        /// The row's id.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// What the store answers.
pub type Result<T> = std::result::Result<T, Error>;

/// A transaction that writes; dropped without `commit`, it never was.
pub type Tx = Transaction<'static, Sqlite>;

/// The database of one data folder. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    vault: Arc<Vault>,
    _lock: Arc<File>,
}

impl Store {
    /// Opens the data folder, makes it when it is not there, and brings its database to this version.
    pub async fn open(folder: &Path) -> Result<Self> {
        make_folder(folder)?;
        let lock = lock(folder)?;
        let database = folder.join(DATABASE);
        let vault = Vault::open(&folder.join(SECRET_KEY), !database.exists())?;
        make_private(&database)?;

        // FULL: a transaction that was answered with success outlives the machine, not only the process.
        let options = SqliteConnectOptions::new()
            .filename(&database)
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrations::run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self { writer, readers, vault: Arc::new(vault), _lock: Arc::new(lock) })
    }

    /// Begins to write. Waits for the transaction before, if there is one.
    pub async fn write(&self) -> Result<Tx> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Where to read what is committed.
    pub fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// What seals the recoverable secrets.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// How large the database is, in bytes.
    pub async fn bytes(&self) -> Result<i64> {
        // Each database has its own way to say that.
        let size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        Ok(sqlx::query_scalar(size).fetch_one(&self.readers).await?)
    }

    /// Ends all connections; what was committed is in the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| Error::File { path: folder.to_owned(), error })
}

/// Makes the database's file, empty, when it is not there: URLs of webhooks and addresses of viewers are nobody else's,
/// whoever may look into the folder. SQLite gives the files beside it the same mode.
fn make_private(database: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(database) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::File { path: database.to_owned(), error }),
    }
}

/// Two daemons on one data folder would each believe that they know all streams.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Error::File { path: path.clone(), error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(Error::File { path, error }),
    }
}

/// A time as the database holds it: milliseconds since 1970 UTC.
pub fn to_millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// A time out of the database; one out of range becomes the nearest that there is.
pub fn from_millis(millis: i64) -> Timestamp {
    let range = Timestamp::MIN.as_millisecond() + 1..=Timestamp::MAX.as_millisecond();
    Timestamp::from_millisecond(millis.clamp(*range.start(), *range.end())).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
