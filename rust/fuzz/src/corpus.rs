//! Inputs on disk: those to begin with, and those that were found.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// The inputs of a body, in the order of their file names.
///
/// # Errors
///
/// The directory or a file in it cannot be read.
pub fn load(body: &str) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let directory = here().join("corpus").join(body);
    let mut paths = Vec::new();
    for entry in fs::read_dir(&directory)? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.into_iter().map(|path| Ok((path.clone(), fs::read(path)?))).collect()
}

/// Keeps an input that made a body panic; returns the file.
///
/// # Errors
///
/// The file cannot be written.
pub fn save(body: &str, data: &[u8]) -> io::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    write(&format!("{body}-{:016x}", hasher.finish()), data)
}

/// Keeps the input that is run next, in one file, for what ends the whole process.
///
/// # Errors
///
/// The file cannot be written.
pub fn trace(body: &str, data: &[u8]) -> io::Result<PathBuf> {
    write(&format!("{body}-last"), data)
}

fn write(name: &str, data: &[u8]) -> io::Result<PathBuf> {
    let directory = here().join("crashes");
    fs::create_dir_all(&directory)?;
    let path = directory.join(name);
    fs::write(&path, data)?;
    Ok(path)
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
