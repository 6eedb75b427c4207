//! Whether the disk has room for new work. Asked often, so the answer is kept for a moment.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::{Clock, Micros, SECOND};
use crate::error::{Error, Result};
use crate::log::Log;

/// How long an answer holds: at 1 GB/s of payloads the default 256 MiB of reserve last as long.
const HOLDS: Micros = SECOND / 4;

/// The free space of one directory's file system.
#[derive(Debug)]
pub struct Disk {
    /// `None` where there is always room.
    path: Option<PathBuf>,
    least: u64,
    clock: Arc<Clock>,
    log: Arc<Log>,
    answer: Mutex<Answer>,
}

#[derive(Debug, Default)]
struct Answer {
    /// When it was given.
    asked: Option<Micros>,
    free: u64,
    told: bool,
}

impl Disk {
    /// `least` bytes must stay free; with 0, or without a path, there is always room.
    #[must_use]
    pub fn new(path: Option<&Path>, least: u64, clock: Arc<Clock>, log: Arc<Log>) -> Self {
        let path = path.filter(|_| least > 0).map(Path::to_owned);
        Self { path, least, clock, log, answer: Mutex::default() }
    }

    /// Whether less than the least is free.
    ///
    /// # Errors
    /// `Engine` if the system does not say how much is.
    pub fn low(&self) -> Result<bool> {
        self.shortage().map(|shortage| shortage.is_some())
    }

    /// Refuses new work while the disk is low.
    ///
    /// # Errors
    /// `DiskLow`; `Engine` if the system does not say how much is free.
    pub fn require_room(&self) -> Result<()> {
        match self.shortage()? {
            Some(text) => {
                Err(Error::DiskLow(format!("{text}; new work is refused until there is room, running jobs go on")))
            }
            None => Ok(()),
        }
    }

    /// What is wrong, if less than the least is free.
    fn shortage(&self) -> Result<Option<String>> {
        let Some(path) = &self.path else { return Ok(None) };
        let mut answer = self.answer.lock();
        let now = self.clock.elapsed();
        if answer.asked.is_none_or(|asked| now - asked >= HOLDS) {
            answer.free = free(path).map_err(|error| {
                Error::Engine(format!("cannot ask how much is free at {}: {error}", path.display()))
            })?;
            answer.asked = Some(now);
            self.tell(path, &mut answer);
        }
        Ok((answer.free < self.least).then(|| self.text(path, answer.free)))
    }

    fn tell(&self, path: &Path, answer: &mut Answer) {
        let low = answer.free < self.least;
        if low && !answer.told {
            self.log.warn(format!("{}, new work is refused until there is room", self.text(path, answer.free)));
        } else if answer.told && !low {
            self.log.warn(format!("there is room again at {}", path.display()));
        }
        answer.told = low;
    }

    fn text(&self, path: &Path, free: u64) -> String {
        format!("{free} bytes are free at {}, fewer than min_free_disk={}", path.display(), self.least)
    }
}

/// Bytes that this user may still write.
fn free(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(path: Option<&Path>, least: u64) -> (Disk, Arc<Clock>, Arc<Log>) {
        let (clock, log) = (Arc::new(Clock::manual(0, 0)), Arc::new(Log::default()));
        (Disk::new(path, least, clock.clone(), log.clone()), clock, log)
    }

    #[test]
    fn without_a_path_or_a_least_there_is_always_room() {
        assert!(!disk(None, u64::MAX).0.low().unwrap());
        assert!(!disk(Some(Path::new("/")), 0).0.low().unwrap());
    }

    #[test]
    fn a_shortage_names_the_path_and_both_numbers() {
        let (disk, _, _) = disk(Some(Path::new("/")), u64::MAX);
        assert!(disk.low().unwrap());
        let text = disk.require_room().unwrap_err().to_string();
        assert!(text.contains("bytes are free at /, fewer than min_free_disk=18446744073709551615"), "{text}");
        assert!(text.ends_with("new work is refused until there is room, running jobs go on"), "{text}");
    }

    #[test]
    fn a_shortage_is_told_once_and_its_end_too() {
        let (mut disk, clock, log) = disk(Some(Path::new("/")), u64::MAX);
        for elapsed in [0, HOLDS, 2 * HOLDS] {
            clock.set(0, elapsed);
            assert!(disk.low().unwrap());
        }
        assert_eq!(log.drain().count(), 1);
        disk.least = 1;
        clock.set(0, 3 * HOLDS);
        assert!(!disk.low().unwrap());
        let told: Vec<_> = log.drain().map(|(_, text)| text).collect();
        assert_eq!(told, ["there is room again at /"]);
    }

    #[test]
    fn an_answer_holds_for_a_moment() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, clock, _) = disk(Some(dir.path()), 1);
        assert!(!disk.low().unwrap());
        drop(dir); // whoever asks the system now is told that there is no such directory
        clock.set(0, HOLDS - 1);
        assert!(!disk.low().unwrap());
        clock.set(0, HOLDS);
        assert!(matches!(disk.low(), Err(Error::Engine(_))));
    }
}
