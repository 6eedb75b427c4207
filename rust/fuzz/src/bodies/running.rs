//! The file of running jobs: whatever is in it, the jobs are those of whole slots behind the expected header.

use motia_core::running::{Header, decode};

pub(super) const WORDS: &[&str] =
    &["MTFRUN1\0", "0123456789abcdef0123456789abcdef", "\0\0\0\0\0\0\0\0", "\u{1}\0\0\0\0\0\0\0", "\0", "\u{7f}"];

/// The first 48 bytes are the header that is expected; the rest is the file, or a header that is as expected and then
/// slots if it begins with `=`.
pub(super) fn body(data: &[u8]) {
    let Some((expected, file)) = data.split_first_chunk::<{ size_of::<Header>() }>() else {
        assert!(decode(data, &[0; size_of::<Header>()]).is_empty(), "shorter than a header");
        return;
    };
    let file = match file.strip_prefix(b"=") {
        Some(slots) => [expected, slots].concat(),
        None => file.to_vec(),
    };
    assert_eq!(decode(&file, expected), jobs(&file, expected), "the jobs");
}

fn jobs(file: &[u8], expected: &Header) -> Vec<i64> {
    let mut jobs = Vec::new();
    if !file.starts_with(expected) {
        return jobs;
    }
    let mut at = expected.len();
    while at + 8 <= file.len() {
        let job = (0..8).rev().fold(0, |job, byte| job << 8 | u64::from(file[at + byte]));
        if job != 0 {
            jobs.push(job.cast_signed());
        }
        at += 8;
    }
    jobs
}
