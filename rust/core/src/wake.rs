//! The descriptor that an event loop watches (an eventfd; a pipe where there is none).

use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use parking_lot::RwLock;

use crate::sync::{AtomicBool, Ordering};

/// What a watcher sees: raised or not. Raising twice, or lowering what is not raised, changes nothing.
pub trait Flag {
    /// Lets the watcher see it.
    fn raise(&self);
    /// Takes it back.
    fn lower(&self);
}

/// A flag that is raised by the first of many signals only: what makes a signal cheap.
///
/// The producer pushes, then signals. The consumer lowers the flag, *then* disarms, *then* takes. If it disarmed first,
/// its lowering could swallow the flag of a signal after that, and with the flag down but armed no signal would raise it
/// again. If it took first, a signal between the take and the disarm would raise nothing. `tests/loom.rs` finds both.
#[derive(Debug)]
pub struct Armed<F> {
    armed: AtomicBool,
    flag: F,
}

impl<F: Flag> Armed<F> {
    /// Not raised.
    pub fn new(flag: F) -> Self {
        Self { armed: AtomicBool::new(false), flag }
    }

    /// Raises the flag, unless a signal since the last [`Armed::acknowledge`] did. What the caller did before is seen by
    /// the consumer after its next acknowledge.
    pub fn signal(&self) {
        // An exchange, even where it is armed already: a plain load might read that from before the disarm, and then
        // neither would this thread raise the flag nor would the consumer see what was pushed.
        if !self.armed.swap(true, Ordering::AcqRel) {
            self.flag.raise();
        }
    }

    /// Lowers the flag; the caller takes afterwards.
    pub fn acknowledge(&self) {
        self.flag.lower();
        self.armed.swap(false, Ordering::AcqRel); // an exchange: it acquires from every signal before it
    }

    /// The flag itself.
    pub fn flag(&self) -> &F {
        &self.flag
    }
}

/// Readable from the first `signal` after an `acknowledge`.
///
/// Any thread may signal, close, or ask for the descriptor at any time; one consumer acknowledges.
#[derive(Debug)]
pub struct Wake(Armed<Descriptor<Native>>);

impl Wake {
    /// Not readable.
    ///
    /// # Errors
    ///
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Armed::new(Descriptor::new(Native::new()?))))
    }

    /// Makes the descriptor readable; costs a system call the first time since the last acknowledge only.
    pub fn signal(&self) {
        self.0.signal();
    }

    /// Makes it unreadable. The consumer takes what there is *after* this.
    pub fn acknowledge(&self) {
        self.0.acknowledge();
    }

    /// The number of the descriptor, -1 once it is closed. It is for watching only.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.0.flag().open.read().as_ref().map_or(-1, |ends| ends.read_end().as_raw_fd())
    }

    /// Closes the descriptor; a `signal` or an `acknowledge` that comes later goes nowhere. Take it from the event loop
    /// before: its number may be another file's at once.
    pub fn close(&self) {
        let ends = self.0.flag().open.write().take();
        drop(ends);
    }
}

/// Whoever reads or writes the descriptor holds the lock for reading, so that `close`, which takes it for writing, waits
/// for them (none of them blocks), and nobody after it finds a number that is perhaps another file's by now.
#[derive(Debug)]
struct Descriptor<E> {
    open: RwLock<Option<E>>,
}

impl<E: Ends> Descriptor<E> {
    fn new(ends: E) -> Self {
        Self { open: RwLock::new(Some(ends)) }
    }
}

impl<E: Ends> Flag for Descriptor<E> {
    fn raise(&self) {
        if let Some(ends) = &*self.open.read() {
            // It cannot fail but for a pipe or a counter that is full, and then the descriptor is readable.
            let _ = again(|| rustix::io::write(ends.write_end(), &1_u64.to_ne_bytes()));
        }
    }

    fn lower(&self) {
        if let Some(ends) = &*self.open.read() {
            // Signals that overlap an acknowledge may raise it more than once: a pipe has 8 bytes for each.
            let _ = again(|| rustix::io::read(ends.read_end(), &mut [0; 512]));
        }
    }
}

fn again(mut call: impl FnMut() -> rustix::io::Result<usize>) -> rustix::io::Result<usize> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return result,
        }
    }
}

/// An open descriptor, or two. Reading and writing do not block.
trait Ends: Debug {
    fn read_end(&self) -> BorrowedFd<'_>;
    fn write_end(&self) -> BorrowedFd<'_>;
}

#[cfg(target_os = "linux")]
type Native = eventfd::EventFd;
#[cfg(not(target_os = "linux"))]
type Native = pipe::Pipe;

#[cfg(target_os = "linux")]
mod eventfd {
    use std::os::fd::OwnedFd;

    use rustix::event::{EventfdFlags, eventfd};

    use super::{AsFd, BorrowedFd, Ends, io};

    #[derive(Debug)]
    pub(super) struct EventFd(OwnedFd);

    impl EventFd {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
        }
    }

    impl Ends for EventFd {
        fn read_end(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }

        fn write_end(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(any(test, not(target_os = "linux")))]
mod pipe {
    use super::{AsFd, BorrowedFd, Ends, io};

    #[derive(Debug)]
    pub(super) struct Pipe {
        reader: io::PipeReader,
        writer: io::PipeWriter,
    }

    impl Pipe {
        pub(super) fn new() -> io::Result<Self> {
            let (reader, writer) = io::pipe()?; // closed on exec
            rustix::io::ioctl_fionbio(&reader, true)?;
            rustix::io::ioctl_fionbio(&writer, true)?;
            Ok(Self { reader, writer })
        }
    }

    impl Ends for Pipe {
        fn read_end(&self) -> BorrowedFd<'_> {
            self.reader.as_fd()
        }

        fn write_end(&self) -> BorrowedFd<'_> {
            self.writer.as_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn readable(fd: impl AsFd) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    fn is_readable_between_signal_and_acknowledge<E: Ends>(ends: E) {
        let wake = Armed::new(Descriptor::new(ends));
        let seen = || readable(wake.flag().open.read().as_ref().unwrap().read_end());
        assert!(!seen());
        for _ in 0..3 {
            wake.signal();
            wake.signal();
            assert!(seen());
            wake.acknowledge();
            assert!(!seen());
            wake.acknowledge(); // of nothing: it does not block
        }
        wake.flag().raise(); // two signals that overlap an acknowledge
        wake.flag().raise();
        wake.acknowledge();
        assert!(!seen());
    }

    #[test]
    fn the_native_descriptor_is_readable_between_signal_and_acknowledge() {
        is_readable_between_signal_and_acknowledge(Native::new().unwrap());
    }

    #[test]
    fn a_pipe_is_readable_between_signal_and_acknowledge() {
        is_readable_between_signal_and_acknowledge(pipe::Pipe::new().unwrap());
    }

    #[test]
    fn a_signal_after_close_goes_nowhere() {
        let wake = Wake::new().unwrap();
        let number = wake.fd();
        wake.close();
        let other = Native::new().unwrap(); // takes the number, or another test does
        wake.signal();
        wake.acknowledge();
        wake.signal();
        wake.close();
        assert!(number >= 0);
        assert_eq!(wake.fd(), -1);
        assert!(!readable(other.read_end()));
    }

    /// A descriptor that remembers its end: whoever uses it afterwards would use another file's.
    #[derive(Debug)]
    struct Mortal {
        native: Native,
        dead: Arc<AtomicBool>,
    }

    impl Drop for Mortal {
        fn drop(&mut self) {
            self.dead.store(true, Ordering::SeqCst);
        }
    }

    impl Ends for Mortal {
        fn read_end(&self) -> BorrowedFd<'_> {
            self.native.read_end()
        }

        fn write_end(&self) -> BorrowedFd<'_> {
            assert!(!self.dead.load(Ordering::SeqCst));
            self.native.write_end()
        }
    }

    #[test]
    fn closing_waits_for_whoever_is_writing_and_leaves_nothing_open() {
        for _ in 0..50 {
            let dead = Arc::new(AtomicBool::new(false));
            let native = Native::new().unwrap();
            let descriptor = Descriptor::new(Mortal { native, dead: Arc::clone(&dead) });
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| (0..200).for_each(|_| descriptor.raise()));
                }
                std::thread::yield_now();
                drop(descriptor.open.write().take());
                assert!(dead.load(Ordering::SeqCst));
            });
        }
    }

    #[test]
    fn a_consumer_that_sleeps_on_it_misses_nothing() {
        const EACH: usize = 20_000;
        let wake = Wake::new().unwrap();
        let (push, queue) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let (push, wake) = (push.clone(), &wake);
                scope.spawn(move || {
                    for n in 0..EACH {
                        push.send(n).unwrap();
                        wake.signal();
                    }
                });
            }
            let mut taken = 0;
            while taken < 3 * EACH {
                let open = wake.0.flag().open.read();
                let fd = open.as_ref().unwrap().read_end();
                let mut watched = [PollFd::new(&fd, PollFlags::IN)];
                let limit = Timespec::try_from(Duration::from_secs(20)).unwrap();
                assert_eq!(poll(&mut watched, Some(&limit)).unwrap(), 1, "asleep with {taken} taken");
                wake.acknowledge();
                taken += queue.try_iter().count();
            }
        });
    }
}
