//! The SQLite file.

use core::{fmt, time::Duration};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use serde_json::Value;

use super::{Arrival, BodyState, Capture, Claim, End, Replay, Summary, Verdict, headers};

/// "csCP", so that a file of something else is told apart.
const APPLICATION: i32 = 0x6373_4350;
/// The layout below.
const VERSION: i32 = 1;
/// How long the file may be another process's.
const PATIENCE: Duration = Duration::from_secs(1);

const LAYOUT: &str = "
CREATE TABLE captures (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    received_ms INTEGER NOT NULL,
    scheme TEXT,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    headers BLOB NOT NULL,
    body BLOB NOT NULL,
    body_state TEXT NOT NULL,
    body_bytes INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT,
    status INTEGER,
    dedup TEXT,
    event TEXT,
    event_signed INTEGER NOT NULL DEFAULT 0,
    delivery TEXT,
    delivery_signed INTEGER NOT NULL DEFAULT 0,
    took_ms INTEGER,
    explanation TEXT NOT NULL DEFAULT 'null',
    forward TEXT NOT NULL DEFAULT 'null'
);
CREATE INDEX captures_received ON captures (received_ms);
CREATE TABLE replays (
    capture INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    target TEXT NOT NULL,
    status INTEGER,
    error TEXT,
    took_ms INTEGER NOT NULL
);
CREATE INDEX replays_capture ON replays (capture);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
";

/// What a request takes, but for what is bounded anyway.
const BYTES: &str = "octet_length(headers) + octet_length(target) + octet_length(body)";

/// The target is cut: many rows are in memory at once, and whoever wants all of it reads the capture.
const SUMMARY: &str = "number, received_ms, scheme, method, substr(target, 1, 2048), verdict, reason, status, dedup, event, \
                       event_signed, delivery, delivery_signed, took_ms, body_bytes, forward";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The newest so many.
    pub(crate) keep: u32,
    /// The longest body; of a longer one the beginning is kept.
    pub(crate) body_bytes: usize,
    /// All bodies, headers and targets together.
    pub(crate) total_bytes: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep: 10_000,
            body_bytes: 1024 * 1024,
            total_bytes: 1024 * 1024 * 1024,
        }
    }
}

/// Why captures cannot be kept or read.
#[derive(Debug)]
pub(crate) enum CaptureError {
    /// Another `listen` has the file.
    InUse,
    /// Another program keeps the file to itself.
    Locked,
    /// It is no file of captures.
    Foreign,
    /// A later version wrote it.
    TooNew(i32),
    /// The disk is full, or the file as long as it may be.
    Full,
    /// What is in it is not what was written.
    Damaged,
    /// The thread has ended.
    Closed,
    /// There is no file.
    Missing,
    Io(std::io::Error),
    Other(rusqlite::Error),
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str(
                "another `countersign listen` keeps its captures there: name another file with \
                 `--captures FILE`",
            ),
            Self::Locked => f.write_str(
                "another program keeps the file locked: end it, or name another file with \
                 `--captures FILE`",
            ),
            Self::Foreign => f.write_str(
                "this is no file of captures: name another with `--captures FILE`",
            ),
            Self::TooNew(version) => write!(
                f,
                "a later countersign wrote this file (version {version}, and this one reads {VERSION}): \
                 update, or name another file with `--captures FILE`"
            ),
            Self::Full => f.write_str("the disk is full: captures cannot be kept"),
            Self::Damaged => f.write_str("the file is damaged: remove it, or name another"),
            Self::Closed => f.write_str("the captures were closed"),
            Self::Missing => f.write_str(
                "there is no such file: `countersign listen` makes it, and `--captures FILE` names another",
            ),
            Self::Io(error) => error.fmt(f),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl CaptureError {
    pub(crate) fn at(&self, path: &Path) -> String {
        format!("{}: {self}", path.display())
    }
}

impl From<rusqlite::Error> for CaptureError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged,
            _ => Self::Other(error),
        }
    }
}

impl From<std::io::Error> for CaptureError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// The open file.
pub(crate) struct CaptureFile {
    connection: Connection,
    limits: Limits,
    total_bytes: i64,
    /// Held by whoever adds to the file.
    _lock: Option<File>,
}

impl CaptureFile {
    /// Opens the file, or makes it, for the one process that adds captures.
    pub(crate) fn open(path: &Path, limits: Limits) -> Result<Self, CaptureError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            make_folder(folder)?;
        }
        let lock = own_file(&lock_path(path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CaptureError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        // Bodies are other people's business: nobody else on the machine reads them.
        drop(own_file(path)?);
        Self::connect(path, limits, Some(lock))
    }

    /// Opens a file that is there, beside the process that adds to it.
    pub(crate) fn open_beside(path: &Path) -> Result<Self, CaptureError> {
        if !path.is_file() {
            return Err(CaptureError::Missing);
        }
        Self::connect(path, Limits::default(), None)
    }

    fn connect(path: &Path, limits: Limits, lock: Option<File>) -> Result<Self, CaptureError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        let pragma = |name: &str| -> rusqlite::Result<i32> {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
        };
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let (application, version) = (pragma("application_id")?, pragma("user_version")?);
        match (application, version) {
            (APPLICATION, VERSION) => {}
            (APPLICATION, later) if later > VERSION => return Err(CaptureError::TooNew(later)),
            (0, 0) if tables == 0 && lock.is_some() => {}
            _ => return Err(CaptureError::Foreign),
        }
        let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;")?;
        if version == 0 {
            let transaction = connection.transaction()?;
            transaction.execute_batch(LAYOUT)?;
            transaction.execute_batch(&format!(
                "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
            ))?;
            transaction.commit()?;
        }
        let total_bytes = connection.query_row(
            &format!("SELECT coalesce(sum({BYTES}), 0) FROM captures"),
            [],
            |row| row.get(0),
        )?;
        let mut file = Self {
            connection,
            limits,
            total_bytes,
            _lock: lock,
        };
        if file._lock.is_some() {
            file.prune()?;
        }
        Ok(file)
    }

    pub(crate) fn fact(&self, name: &str) -> Result<Option<String>, CaptureError> {
        let sql = "SELECT value FROM facts WHERE name = ?1";
        let value = self
            .connection
            .query_row(sql, [name], |row| row.get(0))
            .optional()?;
        Ok(value)
    }

    pub(crate) fn set_fact(&mut self, name: &str, value: Option<&str>) -> Result<(), CaptureError> {
        match value {
            Some(value) => self.connection.execute(
                "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
                [name, value],
            )?,
            None => self
                .connection
                .execute("DELETE FROM facts WHERE name = ?1", [name])?,
        };
        Ok(())
    }

    /// Keeps a request; the oldest go where there are too many.
    pub(crate) fn add(&mut self, arrival: &Arrival) -> Result<i64, CaptureError> {
        let request = &arrival.request;
        let headers = headers::encode(&request.headers, &arrival.masked);
        self.connection
            .prepare(
                "INSERT INTO captures (received_ms, scheme, method, target, headers, body, body_state, \
                 body_bytes, verdict) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'arrived')",
            )?
            .execute(params![
                arrival.received_ms,
                arrival.scheme,
                request.method,
                request.target,
                headers,
                request.body,
                arrival.body_state.as_str(),
                signed(arrival.body_bytes),
            ])?;
        let number = self.connection.last_insert_rowid();
        let bytes = headers
            .len()
            .saturating_add(request.target.len())
            .saturating_add(request.body.len());
        self.total_bytes = self.total_bytes.saturating_add(signed(bytes));
        self.prune()?;
        Ok(number)
    }

    fn prune(&mut self) -> Result<(), CaptureError> {
        let newest: i64 = self.connection.query_row(
            "SELECT coalesce(max(number), 0) FROM captures",
            [],
            |row| row.get(0),
        )?;
        let last_out = newest.saturating_sub(i64::from(self.limits.keep));
        loop {
            let sql = format!("SELECT number, {BYTES} FROM captures ORDER BY number LIMIT 1");
            let oldest: Option<(i64, i64)> = self
                .connection
                .prepare(&sql)?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((number, bytes)) = oldest else {
                return Ok(());
            };
            let too_many = number <= last_out;
            let too_much = self.total_bytes > self.limits.total_bytes && number != newest;
            if !too_many && !too_much {
                return Ok(());
            }
            for sql in [
                "DELETE FROM captures WHERE number = ?1",
                "DELETE FROM replays WHERE capture = ?1",
            ] {
                self.connection.prepare(sql)?.execute([number])?;
            }
            self.total_bytes = self.total_bytes.saturating_sub(bytes);
        }
    }

    /// Says what came of a request.
    pub(crate) fn end(
        &mut self,
        number: i64,
        verdict: Verdict,
        end: &End,
    ) -> Result<Option<Summary>, CaptureError> {
        let text = |claim: &Option<Claim>| claim.as_ref().map(|claim| claim.value.clone());
        let is_signed = |claim: &Option<Claim>| claim.as_ref().is_some_and(|claim| claim.signed);
        self.connection
            .prepare(
                "UPDATE captures SET verdict = ?2, reason = ?3, status = ?4, dedup = ?5, event = ?6, \
                 event_signed = ?7, delivery = ?8, delivery_signed = ?9, took_ms = ?10 WHERE number = ?1",
            )?
            .execute(params![
                number,
                verdict.as_str(),
                end.reason,
                end.status,
                end.dedup,
                text(&end.event),
                is_signed(&end.event),
                text(&end.delivery),
                is_signed(&end.delivery),
                i64::try_from(end.took_ms).unwrap_or(i64::MAX),
            ])?;
        self.summary(number)
    }

    pub(crate) fn set_forward(
        &mut self,
        number: i64,
        forward: &Value,
    ) -> Result<Option<Summary>, CaptureError> {
        self.connection
            .prepare("UPDATE captures SET forward = ?2 WHERE number = ?1")?
            .execute(params![number, forward.to_string()])?;
        self.summary(number)
    }

    pub(crate) fn set_explanation(
        &mut self,
        number: i64,
        explanation: &Value,
    ) -> Result<Option<Summary>, CaptureError> {
        self.connection
            .prepare("UPDATE captures SET explanation = ?2 WHERE number = ?1")?
            .execute(params![number, explanation.to_string()])?;
        self.summary(number)
    }

    pub(crate) fn add_replay(&mut self, number: i64, replay: &Replay) -> Result<(), CaptureError> {
        self.connection.execute(
            "INSERT INTO replays VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                number,
                replay.at_ms,
                replay.to,
                replay.status,
                replay.error,
                i64::try_from(replay.took_ms).unwrap_or(i64::MAX),
            ],
        )?;
        Ok(())
    }

    fn summary(&self, number: i64) -> Result<Option<Summary>, CaptureError> {
        let sql = format!("SELECT {SUMMARY} FROM captures WHERE number = ?1");
        let mut statement = self.connection.prepare(&sql)?;
        Ok(statement.query_row([number], summary).optional()?)
    }

    /// The newest first, below this number.
    pub(crate) fn list(&self, before: i64, limit: u32) -> Result<Vec<Summary>, CaptureError> {
        let sql = format!(
            "SELECT {SUMMARY} FROM captures WHERE number < ?1 ORDER BY number DESC LIMIT ?2"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map(params![before, limit], summary)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The numbers of what came at this time or later, the oldest first.
    pub(crate) fn since(&self, received_ms: i64) -> Result<Vec<i64>, CaptureError> {
        let sql = "SELECT number FROM captures WHERE received_ms >= ?1 ORDER BY number";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([received_ms], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn get(&self, number: i64) -> Result<Option<Capture>, CaptureError> {
        let sql = format!(
            "SELECT {SUMMARY}, headers, body, body_state, explanation, target FROM captures WHERE number = ?1"
        );
        let found = self
            .connection
            .prepare(&sql)?
            .query_row([number], |row| {
                let state: String = row.get(18)?;
                let explanation: String = row.get(19)?;
                Ok((
                    summary(row)?,
                    row.get::<_, Vec<u8>>(16)?,
                    row.get::<_, Vec<u8>>(17)?,
                    state,
                    explanation,
                    row.get(20)?,
                ))
            })
            .optional()?;
        let Some((summary, headers, body, state, explanation, target)) = found else {
            return Ok(None);
        };
        let is = |known: &&BodyState| known.as_str() == state;
        Ok(Some(Capture {
            summary,
            target,
            headers: headers::decode(&headers).ok_or(CaptureError::Damaged)?,
            body,
            body_state: *BodyState::ALL
                .iter()
                .find(is)
                .ok_or(CaptureError::Damaged)?,
            explanation: serde_json::from_str(&explanation).unwrap_or_default(),
            replays: self.replays(number)?,
        }))
    }

    fn replays(&self, number: i64) -> Result<Vec<Replay>, CaptureError> {
        let sql = "SELECT at_ms, target, status, error, took_ms FROM replays WHERE capture = ?1 ORDER BY rowid";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([number], |row| {
            Ok(Replay {
                at_ms: row.get(0)?,
                to: row.get(1)?,
                status: row.get(2)?,
                error: row.get(3)?,
                took_ms: u64::try_from(row.get::<_, i64>(4)?).unwrap_or_default(),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let claim = |value: usize, is_signed: usize| -> rusqlite::Result<Option<Claim>> {
        let (value, signed) = (row.get::<_, Option<String>>(value)?, row.get(is_signed)?);
        Ok(value.map(|value| Claim { value, signed }))
    };
    let verdict: String = row.get(5)?;
    let forward: String = row.get(15)?;
    Ok(Summary {
        number: row.get(0)?,
        received_ms: row.get(1)?,
        scheme: row.get(2)?,
        method: row.get(3)?,
        target: row.get(4)?,
        verdict: Verdict::ALL
            .into_iter()
            .find(|known| known.as_str() == verdict)
            .unwrap_or(Verdict::Arrived),
        reason: row.get(6)?,
        status: row.get(7)?,
        dedup: row.get(8)?,
        event: claim(9, 10)?,
        delivery: claim(11, 12)?,
        took_ms: row
            .get::<_, Option<i64>>(13)?
            .and_then(|took| u64::try_from(took).ok()),
        body_bytes: u64::try_from(row.get::<_, i64>(14)?).unwrap_or_default(),
        forward: serde_json::from_str(&forward).unwrap_or_default(),
    })
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    name.into()
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Opens a file, or makes it so that nobody else reads it. SQLite gives its own files beside it the same mode.
fn own_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::input::Request;

    fn arrival(body: &[u8]) -> Arrival {
        Arrival {
            received_ms: 1_000,
            scheme: Some("rebill-za"),
            request: Request {
                method: "POST".to_owned(),
                target: "/hooks?a=1".to_owned(),
                headers: vec![("x-a".to_owned(), b"\xff1".to_vec())],
                body: body.to_vec(),
                ..Request::default()
            },
            masked: vec![false],
            body_state: BodyState::Whole,
            body_bytes: body.len(),
        }
    }

    fn limits(keep: u32, total_bytes: i64) -> Limits {
        Limits {
            keep,
            total_bytes,
            ..Limits::default()
        }
    }

    #[test]
    fn what_was_kept_is_read_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/captures.db");
        let mut file = CaptureFile::open(&path, Limits::default()).unwrap();
        let number = file.add(&arrival(b"\0\xff{}")).unwrap();
        let end = End {
            reason: Some("some reason".to_owned()),
            status: 401,
            event: Some(Claim {
                value: "paid".to_owned(),
                signed: true,
            }),
            took_ms: 3,
            ..End::default()
        };
        let summary = file.end(number, Verdict::Refused, &end).unwrap().unwrap();
        file.set_explanation(number, &json!({ "reproduced": true }))
            .unwrap();
        file.set_forward(number, &json!({ "status": 500 })).unwrap();
        let capture = file.get(number).unwrap().unwrap();
        assert_eq!(capture.body, b"\0\xff{}");
        assert_eq!(capture.headers[0].value, b"\xff1");
        assert_eq!(capture.body_state, BodyState::Whole);
        assert_eq!(capture.explanation["reproduced"], true);
        assert_eq!(capture.summary.forward["status"], 500);
        assert_eq!(summary.verdict, Verdict::Refused);
        assert_eq!(summary.event, end.event);
        assert_eq!(file.since(1_001).unwrap(), [0; 0]);
        assert_eq!(file.since(1_000).unwrap(), [number]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            for name in ["captures.db", "captures.db-wal"] {
                let facts = fs::metadata(path.with_file_name(name)).unwrap();
                assert_eq!(facts.permissions().mode() & 0o077, 0, "{name}");
            }
        }
    }

    #[test]
    fn the_newest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("captures.db");
        let mut file = CaptureFile::open(&path, limits(3, 1_000)).unwrap();
        for _ in 0..5 {
            file.add(&arrival(b"1234")).unwrap();
        }
        let numbers = |file: &CaptureFile| -> Vec<i64> {
            let rows = file.list(i64::MAX, 100).unwrap();
            rows.iter().map(|row| row.number).collect()
        };
        assert_eq!(numbers(&file), [5, 4, 3]);
        drop(file);
        // Numbers are not given twice, and fewer are kept when fewer are asked for.
        let mut file = CaptureFile::open(&path, limits(2, 1_000)).unwrap();
        assert_eq!(numbers(&file), [5, 4]);
        // Each has 12 bytes of headers, 10 of a target and 4 of a body.
        file.limits = limits(100, 60);
        file.add(&arrival(b"1234")).unwrap();
        assert_eq!(numbers(&file), [6, 5]);
        // One that is too much by itself is kept, and nothing else.
        file.add(&arrival(&[b'1'; 61])).unwrap();
        assert_eq!(numbers(&file), [7]);
        // Requests without a body are bounded, too, and counted again when the file is opened.
        file.limits = limits(100, 60);
        for _ in 0..4 {
            file.add(&arrival(b"")).unwrap();
        }
        assert_eq!(numbers(&file), [11, 10]);
        drop(file);
        let file = CaptureFile::open(&path, limits(100, 43)).unwrap();
        assert_eq!(numbers(&file), [11]);
    }

    #[test]
    fn a_long_target_is_cut_where_many_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("captures.db");
        let mut file = CaptureFile::open(&path, Limits::default()).unwrap();
        let mut long = arrival(b"");
        long.request.target = format!("/{}", "a".repeat(10_000));
        let number = file.add(&long).unwrap();
        let capture = file.get(number).unwrap().unwrap();
        assert_eq!(capture.target, long.request.target);
        for summary in [capture.summary, file.list(i64::MAX, 1).unwrap().remove(0)] {
            assert_eq!(summary.target.len(), 2_048);
        }
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(
            path("text"),
            "no database, but quite some text of something else",
        )
        .unwrap();
        let sql = |name: &str, text: &str| {
            let connection = Connection::open(path(name)).unwrap();
            connection.execute_batch(text).unwrap();
        };
        sql("foreign", "CREATE TABLE a (b)");
        sql(
            "later",
            &format!(
                "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 2; CREATE TABLE a (b)"
            ),
        );
        let open = |name: &str| CaptureFile::open(&path(name), Limits::default()).map(|_| ());
        for name in ["text", "foreign"] {
            assert!(matches!(open(name), Err(CaptureError::Foreign)), "{name}");
        }
        assert!(matches!(open("later"), Err(CaptureError::TooNew(2))));
        drop(CaptureFile::open(&path("ours"), Limits::default()).unwrap());
        let first = CaptureFile::open(&path("ours"), Limits::default()).unwrap();
        assert!(matches!(open("ours"), Err(CaptureError::InUse)));
        assert!(CaptureFile::open_beside(&path("ours")).is_ok());
        drop(first);
        assert!(open("ours").is_ok());
        assert!(matches!(
            CaptureFile::open_beside(&path("none")),
            Err(CaptureError::Missing)
        ));
        let keeper = Connection::open(path("ours")).unwrap();
        keeper
            .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
            .unwrap();
        assert!(matches!(open("ours"), Err(CaptureError::Locked)));
    }

    #[test]
    fn a_file_that_may_not_grow_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("captures.db");
        let mut file = CaptureFile::open(&path, Limits::default()).unwrap();
        let pages: i64 = file
            .connection
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        let _: i64 = file
            .connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
                row.get(0)
            })
            .unwrap();
        let error = file.add(&arrival(&[b'a'; 100_000])).unwrap_err();
        assert!(matches!(error, CaptureError::Full), "{error}");
        assert!(file.list(i64::MAX, 10).unwrap().is_empty());
    }
}
