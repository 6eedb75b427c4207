//! The data directory: made, checked and locked before anything in it is read.
//!
//! `DIR/lock` is held by `flock` for as long as the engine is open, and says who holds it. A forked child closes its copy
//! of the descriptor: unlocking there would drop the parent's lock, and keeping it would block a restart for as long as an
//! orphaned child lives.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use rustix::fs::{FlockOperation, flock};

use crate::clock::{Clock, SECOND, utc};
use crate::error::{Error, Result};
use crate::log::Log;

/// What to do about a directory that cannot be used.
pub(crate) const ANOTHER: &str = "use another directory (--data-dir, MOTIA_FAST_DATA_DIR)";
pub(crate) const REMEDY: &str =
    "give this user write access to it, or use another directory (--data-dir, MOTIA_FAST_DATA_DIR)";

/// File systems on which `flock` or shared memory does not hold what `SQLite`'s WAL needs; and all of FUSE.
const REFUSED: [&str; 10] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "afs", "ceph", "glusterfs"];
/// File systems that forget: what is on them does not outlive the machine, or the container.
const FORGETFUL: [&str; 3] = ["tmpfs", "ramfs", "overlay"];
/// Between two attempts at a lock that somebody holds.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes that the lock file's text is padded to, so that a shorter one covers a longer one whole.
const SIGNATURE: usize = 200;

/// A locked data directory.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// No mutex: one that another thread held at a fork would never be free in the child.
    lock: ArcSwapOption<File>,
}

impl DataDirectory {
    /// Makes the directory where it is missing, and takes its lock; waits `lock_wait` seconds for whoever has it.
    ///
    /// # Errors
    /// `DataDirUnusable`; `DataDirLocked` once the wait is over.
    pub fn open(path: &Path, lock_wait: f64, log: &Log) -> Result<Self> {
        make(path)?;
        check_file_system(path, &file_system(path, Path::new("/proc/self/mountinfo")), log)?;
        let lock = ArcSwapOption::from_pointee(lock(path, lock_wait)?);
        let directory = Self { path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), lock };
        directory.sign(None).map_err(|error| cannot_write(path, &error))?;
        Ok(directory)
    }

    /// Absolute: a program may change its working directory later.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes who holds the lock; `boot` is the engine's, once it is known.
    ///
    /// # Errors
    /// What the system says.
    pub fn sign(&self, boot: Option<i64>) -> io::Result<()> {
        let Some(lock) = &*self.lock.load() else { return Ok(()) };
        let boot = boot.map_or_else(|| "null".into(), |boot| boot.to_string());
        let since = utc(Clock::System.now() / SECOND);
        let holder = format!(r#"{{"pid":{},"boot":{boot},"since":"{since}+0000"}}"#, std::process::id());
        lock.write_all_at(format!("{holder:<SIGNATURE$}\n").as_bytes(), 0)
    }

    /// Lets go of the directory. In a forked child this leaves the parent's lock as it is.
    pub fn release(&self) {
        self.lock.store(None);
    }
}

fn make(path: &Path) -> Result<()> {
    if !path.exists() {
        let unusable = |error: io::Error| {
            let (path, error) = (path.display(), reason(&error));
            Error::DataDirUnusable(format!("cannot make the data directory {path}: {error}; {REMEDY}"))
        };
        make_new(path).map_err(unusable)?;
    }
    if path.is_dir() {
        return Ok(());
    }
    let path = path.display();
    Err(Error::DataDirUnusable(format!("the data directory {path} is not a directory; {ANOTHER}")))
}

/// Makes the directory for its owner alone, what is above it as usual. Another process may do so at the same time.
fn make_new(path: &Path) -> io::Result<()> {
    let create = || DirBuilder::new().mode(0o700).create(path);
    let made = match (create(), path.parent()) {
        (Err(error), Some(above)) if error.kind() == ErrorKind::NotFound => {
            std::fs::create_dir_all(above)?;
            create()
        }
        (made, _) => made,
    };
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made?,
    }
    std::fs::write(path.join(".gitignore"), "*\n")
}

fn check_file_system(path: &Path, kind: &str, log: &Log) -> Result<()> {
    let path = path.display();
    if REFUSED.contains(&kind) || kind.starts_with("fuse") {
        return Err(Error::DataDirUnusable(format!(
            "the data directory {path} is on {kind}, which does not keep the locks that SQLite needs; \
             use a directory on a local disk"
        )));
    }
    if FORGETFUL.contains(&kind) {
        log.warn(format!("the data directory {path} is on {kind}: it does not survive a restart of the machine"));
    }
    Ok(())
}

/// The type of the file system that holds `path`, such as "ext4"; "" where the machine does not say.
///
/// `mounts` has the lines of proc(5)'s `mountinfo`.
fn file_system(path: &Path, mounts: &Path) -> String {
    let (Ok(mounts), Ok(path)) = (std::fs::read(mounts), path.canonicalize()) else { return String::new() };
    let mounts = mounts.split(|byte| *byte == b'\n').filter_map(mount);
    // Of those of equal length, a later one covers the earlier ones, and is the one that `max_by_key` takes.
    mounts
        .filter(|(place, _)| path.starts_with(place))
        .max_by_key(|(place, _)| place.components().count())
        .map_or_else(String::new, |(_, kind)| kind)
}

/// Where a line's file system is mounted, and its type.
fn mount(line: &[u8]) -> Option<(PathBuf, String)> {
    let mut fields = line.split(|byte| *byte == b' ');
    let place = unescaped(fields.nth(4)?);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some((OsStr::from_bytes(&place).into(), String::from_utf8_lossy(kind).into_owned()))
}

/// A field in which the kernel wrote spaces, tabs, newlines and backslashes as `\` and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut found = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let code = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                found.push(byte);
                rest = &tail[3..];
            }
            _ => {
                found.push(*first);
                rest = tail;
            }
        }
    }
    found
}

fn lock(path: &Path, lock_wait: f64) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path.join("lock")).map_err(|error| cannot_write(path, &error))?;
    let started = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                if started.elapsed().as_secs_f64() >= lock_wait {
                    return Err(Error::DataDirLocked { path: path.to_owned(), holder: holder(&file) });
                }
                std::thread::sleep(PAUSE);
            }
            Err(error) => {
                let (path, error) = (path.display(), reason(&error.into()));
                let text = format!("cannot lock the data directory {path}: {error}; {ANOTHER}");
                return Err(Error::DataDirUnusable(text));
            }
        }
    }
}

/// What the lock file says, as far as it is a JSON object; else nothing.
fn holder(file: &File) -> Vec<u8> {
    let mut text = vec![0; 4096];
    let read = file.read_at(&mut text, 0).unwrap_or(0);
    text.truncate(read);
    match serde_json::from_slice(&text) {
        Ok(serde_json::Value::Object(_)) => text.trim_ascii().to_vec(),
        _ => Vec::new(),
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Error {
    let (path, error) = (path.display(), reason(error));
    Error::DataDirUnusable(format!("cannot write in the data directory {path}: {error}; {REMEDY}"))
}

/// What the system says, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
