//! Format 1 of `engine.db`, whole: docs/storage.md says what each column means.
//!
//! Nothing here needs more than `SQLite` 3.35, so that Python's `sqlite3` and the bundled one read the same file. The text
//! is that of `engine/pure/schema.py`, to the character: `tests/unit/engine/test_schema.py` compares them.

pub const FORMAT: i64 = 1;
/// "MTFS": marks the file as ours, so that somebody else's database is refused instead of written to.
pub const APPLICATION_ID: i64 = 0x4D54_4653;

pub const TABLES: &str = "
CREATE TABLE meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE name(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, UNIQUE(kind, text));

CREATE TABLE job(
    id INTEGER PRIMARY KEY, message INTEGER NOT NULL, sub INTEGER NOT NULL, priority INTEGER NOT NULL,
    place INTEGER NOT NULL, due INTEGER, attempt INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
    key TEXT, enqueued INTEGER NOT NULL, meta BLOB NOT NULL DEFAULT x'', payload BLOB NOT NULL);
CREATE INDEX job_spilled ON job(sub, priority, id) WHERE place = 1;
CREATE INDEX job_due ON job(sub, due) WHERE place = 2;
CREATE INDEX job_dead ON job(sub, id) WHERE place = 3;
CREATE INDEX job_died ON job(due) WHERE place = 3;
CREATE INDEX job_keyed ON job(sub, key, id) WHERE key IS NOT NULL AND place <> 3;
CREATE TABLE attempt(
    job INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, error BLOB NOT NULL,
    PRIMARY KEY(job, n)) WITHOUT ROWID;

CREATE TABLE parked(
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, until INTEGER NOT NULL, options BLOB NOT NULL DEFAULT x'',
    meta BLOB NOT NULL DEFAULT x'', payload BLOB NOT NULL);
CREATE INDEX parked_until ON parked(until);
CREATE TABLE dedup(
    topic TEXT NOT NULL, key TEXT NOT NULL, message INTEGER NOT NULL, jobs BLOB NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY(topic, key)) WITHOUT ROWID;
CREATE INDEX dedup_until ON dedup(until);

CREATE TABLE state(
    id INTEGER PRIMARY KEY, grp TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, expires INTEGER,
    value BLOB NOT NULL, UNIQUE(grp, key));
CREATE INDEX state_page ON state(grp, id);
CREATE INDEX state_expires ON state(expires) WHERE expires IS NOT NULL;
CREATE TABLE stream(
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, grp TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
    expires INTEGER, value BLOB NOT NULL, UNIQUE(stream, grp, key));
CREATE INDEX stream_page ON stream(stream, grp, id);
CREATE INDEX stream_expires ON stream(expires) WHERE expires IS NOT NULL;

CREATE TABLE schedule(
    sub INTEGER PRIMARY KEY, expression TEXT NOT NULL, zone TEXT NOT NULL, last INTEGER NOT NULL);
CREATE TABLE paused(kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID;
CREATE TABLE result(job INTEGER PRIMARY KEY, until INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX result_until ON result(until);
CREATE TABLE reply(key TEXT PRIMARY KEY, until INTEGER NOT NULL, hash BLOB NOT NULL, body BLOB) WITHOUT ROWID;
CREATE INDEX reply_until ON reply(until);
";

/// `commit`: number of the newest group's last commit. `next_id`: ids below it may be in use. `boot`: openings so far.
/// `clean`: 1 after `close`. `min_reader`: the oldest format whose reader may open this file.
pub const META: [(&str, i64); 5] = [("commit", 0), ("next_id", 1), ("boot", 0), ("clean", 1), ("min_reader", FORMAT)];
