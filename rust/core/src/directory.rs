//! The data directory.

/// What to do about a directory that cannot be used.
pub(crate) const ANOTHER: &str = "use another directory (--data-dir, MOTIA_FAST_DATA_DIR)";
pub(crate) const REMEDY: &str =
    "give this user write access to it, or use another directory (--data-dir, MOTIA_FAST_DATA_DIR)";
