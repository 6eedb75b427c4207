//! `DIR/running`: which jobs run, readable after the process was killed.
//!
//! A slot of 8 bytes holds a job id, or 0. A claimed or settled batch costs one `pwrite`, never a sync: the page cache
//! outlives a killed process, and after a power cut nobody needs to know (the machine's boot id differs then).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const MAGIC: [u8; 8] = *b"MTFRUN1\0";
/// The magic, 32 bytes that name the machine's boot, and the number of the engine's boot.
const HEADER: usize = 48;
const SLOT: usize = 8;

/// The first bytes of a file that belongs to one boot of a machine and of an engine.
pub type Header = [u8; HEADER];

/// The header of this machine's boot, and that boot of the engine.
///
/// # Errors
/// What the system says when asked for its boot.
pub fn header(boot: i64) -> io::Result<Header> {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..40].copy_from_slice(&machine_boot()?);
    header[40..].copy_from_slice(&boot.to_le_bytes());
    Ok(header)
}

/// 32 bytes that are the same until the machine restarts.
fn machine_boot() -> io::Result<[u8; 32]> {
    let mut name = [b'0'; 32];
    for (byte, digit) in name.iter_mut().zip(boot_name()?) {
        *byte = digit;
    }
    Ok(name)
}

/// Without dashes: the pure engine writes it so.
#[cfg(target_os = "linux")]
fn boot_name() -> io::Result<Vec<u8>> {
    let mut name = std::fs::read("/proc/sys/kernel/random/boot_id")?;
    name.retain(u8::is_ascii_hexdigit);
    Ok(name)
}

#[cfg(target_os = "macos")]
fn boot_name() -> io::Result<Vec<u8>> {
    let asked = std::process::Command::new("/usr/sbin/sysctl").args(["-n", "kern.bootsessionuuid"]).output()?;
    Ok(asked.stdout.trim_ascii().to_vec())
}

/// Elsewhere every boot has one name: a job that ran at a power cut counts a crash there.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn boot_name() -> io::Result<Vec<u8>> {
    Ok(Vec::new())
}

/// The jobs that ran when the process of that boot died; none if the machine restarted since.
///
/// A kill between the opening that counted these jobs and the next [`RunningFile`] leaves the file of an older boot, so
/// that no crash counts twice.
///
/// # Errors
/// What the system says, unless that is that there is no such file.
pub fn named_jobs(path: &Path, boot: i64) -> io::Result<Vec<i64>> {
    match std::fs::read(path) {
        Ok(data) => Ok(decode(&data, &header(boot)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The jobs in a file, if it has the expected header; half a slot at its end is none.
#[must_use]
pub fn decode(data: &[u8], expected: &Header) -> Vec<i64> {
    let Some(slots) = data.strip_prefix(expected) else { return Vec::new() };
    let (slots, _) = slots.as_chunks::<SLOT>();
    slots.iter().map(|slot| i64::from_le_bytes(*slot)).filter(|job| *job != 0).collect()
}

/// The slots of the jobs that run now.
#[derive(Debug)]
pub struct RunningFile {
    /// `None` where slots are counted but not written, and once it is closed.
    file: Option<File>,
    data: Vec<u8>,
    free: Vec<usize>,
    /// The slots from the first to the last that changed since they were written.
    dirty: Range<usize>,
}

impl RunningFile {
    /// Empties the file. Without a path, slots are counted but not written.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(path: Option<&Path>, slots: usize, boot: i64) -> io::Result<Self> {
        let data = vec![0; slots * SLOT];
        let file = path.map(|path| make(path, &header(boot)?, &data)).transpose()?;
        Ok(Self { file, data, free: (0..slots).rev().collect(), dirty: 0..0 })
    }

    /// Notes that a job runs; returns its slot. Written with the next [`RunningFile::write`].
    ///
    /// # Panics
    /// If more jobs run at once than there are slots.
    pub fn take(&mut self, job: i64) -> usize {
        let slot = self.free.pop().expect("there are as many slots as jobs may run");
        self.set(slot, job);
        slot
    }

    /// Notes that the slot's job has ended.
    pub fn free(&mut self, slot: usize) {
        self.set(slot, 0);
        self.free.push(slot);
    }

    /// Writes what changed since the last time, in one call.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self) -> io::Result<()> {
        let bytes = self.dirty.start * SLOT..self.dirty.end * SLOT;
        self.dirty = 0..0;
        match &self.file {
            Some(file) if !bytes.is_empty() => {
                file.write_all_at(&self.data[bytes.clone()], (HEADER + bytes.start) as u64)
            }
            _ => Ok(()),
        }
    }

    /// Empties the file, since nothing runs any more, and closes it.
    ///
    /// # Errors
    /// What the system says.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.take().map_or(Ok(()), |file| file.set_len(0))
    }

    fn set(&mut self, slot: usize, job: i64) {
        self.data[slot * SLOT..][..SLOT].copy_from_slice(&job.to_le_bytes());
        let all = if self.dirty.is_empty() { slot..slot } else { self.dirty.clone() };
        self.dirty = all.start.min(slot)..all.end.max(slot + 1);
    }
}

fn make(path: &Path, header: &Header, slots: &[u8]) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all_at(&[header, slots].concat(), 0)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(boot: i64) -> Header {
        header(boot).unwrap()
    }

    #[test]
    fn what_runs_is_named_to_the_next_boot_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("running");
        let mut running = RunningFile::create(Some(&path), 4, 7).unwrap();
        let first = running.take(11);
        running.take(12);
        running.take(13);
        assert_eq!(named_jobs(&path, 7).unwrap(), [0_i64; 0], "nothing is written before `write`");
        running.write().unwrap();
        assert_eq!(named_jobs(&path, 7).unwrap(), [11, 12, 13]);
        assert_eq!(named_jobs(&path, 6).unwrap(), [0_i64; 0]);
        running.free(first);
        running.write().unwrap();
        assert_eq!(named_jobs(&path, 7).unwrap(), [12, 13]);
    }

    #[test]
    fn freed_slots_are_taken_again() {
        let mut running = RunningFile::create(None, 2, 1).unwrap();
        let slots = [running.take(1), running.take(2)];
        running.free(slots[0]);
        assert_eq!(running.take(3), slots[0]);
        running.write().unwrap();
    }

    #[test]
    fn only_what_changed_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("running");
        let mut running = RunningFile::create(Some(&path), 4, 7).unwrap();
        let slots: Vec<_> = (1..=4).map(|job| running.take(job)).collect();
        running.write().unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[0xFF; 32], 48).unwrap();
        running.free(slots[2]);
        running.free(slots[1]);
        running.write().unwrap();
        running.write().unwrap();
        assert_eq!(named_jobs(&path, 7).unwrap(), [-1, -1]);
    }

    #[test]
    fn a_clean_close_empties_the_file_and_a_new_one_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("running");
        let mut running = RunningFile::create(Some(&path), 300, 7).unwrap();
        running.take(1);
        running.write().unwrap();
        running.close().unwrap();
        running.close().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        std::fs::write(&path, [1; 9_000]).unwrap();
        RunningFile::create(Some(&path), 2, 8).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [&header_of(8)[..], &[0; 16]].concat());
    }

    #[test]
    fn a_missing_file_names_nobody() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(named_jobs(&dir.path().join("running"), 0).unwrap(), [0_i64; 0]);
    }

    #[test]
    fn the_header_is_that_of_the_page_on_storage() {
        let header = header_of(0x0102);
        assert_eq!(&header[..8], b"MTFRUN1\0");
        assert!(header[8..40].iter().all(u8::is_ascii_alphanumeric));
        assert_eq!(header[40..], [2, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn files_of_another_boot_or_cut_off_ones_name_what_they_can() {
        let expected = header_of(1);
        let whole = [&expected[..], &5_i64.to_le_bytes(), &0_i64.to_le_bytes(), &6_i64.to_le_bytes()].concat();
        assert_eq!(decode(&whole, &expected), [5, 6]);
        assert_eq!(decode(&whole, &header_of(2)), [0_i64; 0]);
        assert_eq!(decode(&whole[..whole.len() - 1], &expected), [5]);
        for cut in 0..HEADER + SLOT {
            assert_eq!(decode(&whole[..cut], &expected), [0_i64; 0]);
        }
    }
}
