//! What waits for time. Nothing in here reads a clock: times come in as arguments, in microseconds.
//!
//! [`Wheel`] is the structure, [`timed::Timed`] the scheduled jobs of one subscription. The deadlines of running jobs are
//! a wheel as it is: `insert(elapsed.saturating_add(timeout), lease)`, with the key kept beside the run.

mod levels;
mod slab;
#[cfg(test)]
mod tests;
pub mod timed;

use std::collections::BTreeMap;

use self::levels::Levels;
pub use self::slab::Key;
use self::slab::{List, Slab};
use crate::clock::Micros;

/// Items by their deadlines, exact to the microsecond: a hierarchical timer wheel.
///
/// An item lies at the level of the highest digit (to the base 64) in which its deadline differs from `base`, in the
/// slot of that digit. So every slot of a level lies before every slot of a higher one, and items that share a deadline
/// share a slot at all times: they come out in the order in which they went in. `insert` and `remove` are O(1); in its
/// life an item moves down at most 10 times.
///
/// `base` is the latest time that [`Wheel::pop_due`] was told, unless something due was left there. It never goes back,
/// but the wall may, and what is inserted then may be due before `base`: such items are kept in a tree, and cost
/// O(log n) until time has caught up. Deadlines and times below 0 are in order, too: they are before any `base`.
#[derive(Debug)]
pub struct Wheel<T> {
    levels: Levels,
    /// What is due before `base`. Nothing on a level has the same deadline: `base` passes none that is there.
    early: BTreeMap<Micros, List>,
    nodes: Slab<T>,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Wheel<T> {
    /// An empty wheel, at time 0. It takes no memory of its own until it is used, and then at most 11 KiB.
    #[must_use]
    pub fn new() -> Self {
        Self { levels: Levels::new(), early: BTreeMap::new(), nodes: Slab::new() }
    }

    /// The items in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 0
    }

    /// Adds an item that is due at `deadline`, behind those with the same deadline.
    pub fn insert(&mut self, deadline: Micros, item: T) -> Key {
        let key = self.nodes.insert(deadline, item);
        if deadline < self.levels.base() {
            let list = self.early.entry(deadline).or_insert(List::EMPTY);
            self.nodes.append(list, key.index());
        } else {
            self.levels.link(&mut self.nodes, key.index());
        }
        key
    }

    /// Takes an item back; `None` when it is out already.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let index = self.nodes.find(key)?;
        Some(self.take(index))
    }

    /// The earliest deadline. This looks at a few bits; only a slot of mixed timeouts that has lost its soonest one since
    /// is walked, once.
    pub fn next_due(&mut self) -> Option<Micros> {
        match self.early.first_key_value() {
            Some((&deadline, _)) => Some(deadline),
            None => self.levels.next_due(&self.nodes),
        }
    }

    /// Takes the item that is due first, if that is at `now` or before, with its deadline.
    pub fn pop_due(&mut self, now: Micros) -> Option<(Micros, T)> {
        let (deadline, index) = match self.early.first_key_value() {
            Some((&deadline, list)) => (deadline <= now).then_some((deadline, list.head()))?,
            None => self.levels.advance(&mut self.nodes, now)?,
        };
        Some((deadline, self.take(index)))
    }

    /// All items with their deadlines, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Micros, &T)> {
        self.nodes.iter()
    }

    /// Removes the items of which `keep` says no.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        for index in self.nodes.indices() {
            if self.nodes.get(index).is_some_and(|item| !keep(item)) {
                self.take(index);
            }
        }
    }

    fn take(&mut self, index: u32) -> T {
        let deadline = self.nodes.deadline(index);
        if deadline >= self.levels.base() {
            self.levels.unlink(&mut self.nodes, index);
        } else if let Some(list) = self.early.get_mut(&deadline) {
            self.nodes.unlink(list, index);
            if list.is_empty() {
                self.early.remove(&deadline);
            }
        }
        self.nodes.take(index)
    }
}
