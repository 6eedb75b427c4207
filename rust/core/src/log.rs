//! What the engine has to say to people. It calls nobody: whoever embeds it takes the lines from time to time.

use crossbeam_queue::ArrayQueue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Warning,
    Critical,
}

/// Lines that nobody has taken yet. Beyond this the oldest go: a log that is not drained must not grow.
const KEPT: usize = 256;

/// Lines that wait to be taken. Pushing neither blocks nor fails.
#[derive(Debug)]
pub struct Log(ArrayQueue<(Level, String)>);

impl Default for Log {
    fn default() -> Self {
        Self(ArrayQueue::new(KEPT))
    }
}

impl Log {
    pub fn push(&self, level: Level, text: impl Into<String>) {
        self.0.force_push((level, text.into()));
    }

    pub fn warn(&self, text: impl Into<String>) {
        self.push(Level::Warning, text);
    }

    /// Takes the lines that were pushed so far, oldest first.
    pub fn drain(&self) -> impl Iterator<Item = (Level, String)> {
        std::iter::from_fn(|| self.0.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_once_and_in_order() {
        let log = Log::default();
        log.warn("one");
        log.push(Level::Critical, "two");
        let taken: Vec<_> = log.drain().collect();
        assert_eq!(taken, [(Level::Warning, "one".into()), (Level::Critical, "two".into())]);
        assert_eq!(log.drain().count(), 0);
    }

    #[test]
    fn a_log_that_nobody_drains_keeps_the_newest_lines() {
        let log = Log::default();
        for number in 0..KEPT + 10 {
            log.warn(number.to_string());
        }
        let taken: Vec<_> = log.drain().map(|(_, text)| text).collect();
        assert_eq!((taken.len(), taken[0].as_str()), (KEPT, "10"));
    }
}
