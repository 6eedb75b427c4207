//! The levels of a wheel: where an item lies follows from its deadline and `base` alone.

use super::slab::{List, Slab};
use crate::clock::Micros;

/// Each level is 64 times as coarse as the one below; level 0 has a slot for each microsecond.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const DIGIT: Micros = (1 << BITS) - 1;
/// 11 times 6 bits are more than the 63 of a time.
const LEVELS: usize = 11;
/// In the place of a soonest deadline that must be looked for.
const UNKNOWN: Micros = Micros::MIN;

#[derive(Debug)]
pub(super) struct Levels {
    /// No item is due before it. It never goes back.
    base: Micros,
    /// Made when first used: a level takes 1 KiB, and most wheels are empty, or use a few.
    each: [Option<Box<Level>>; LEVELS],
    /// The levels that have something, a bit for each.
    occupied: u32,
}

#[derive(Debug)]
struct Level {
    /// The slots that have something, a bit for each.
    occupied: u64,
    /// Those of them in which a later deadline may precede a sooner one. Equal timeouts fill a slot in order, and its
    /// soonest deadline is then that of its head, however many of them leave.
    unsorted: u64,
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    list: List,
    /// In an unsorted slot, the soonest deadline, or `UNKNOWN` since that one was removed.
    soonest: Micros,
}

/// The digit in which a deadline differs from `base`, and its value there.
#[derive(Clone, Copy)]
struct Place {
    level: usize,
    slot: usize,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self { base: 0, each: [const { None }; LEVELS], occupied: 0 }
    }

    pub(super) fn base(&self) -> Micros {
        self.base
    }

    /// Adds a node that is due at `base` or later.
    pub(super) fn link<T>(&mut self, nodes: &mut Slab<T>, index: u32) {
        let deadline = nodes.deadline(index);
        let place = self.place(deadline);
        self.occupied |= 1 << place.level;
        let level = self.each[place.level].get_or_insert_with(|| Box::new(Level::EMPTY));
        level.add(nodes, place.slot, index, deadline);
    }

    /// Takes a node out; those that are left keep their order.
    pub(super) fn unlink<T>(&mut self, nodes: &mut Slab<T>, index: u32) {
        let deadline = nodes.deadline(index);
        let place = self.place(deadline);
        let level = self.level(place.level);
        let slot = &mut level.slots[place.slot];
        nodes.unlink(&mut slot.list, index);
        if slot.list.is_empty() {
            self.vacate(place);
        } else if slot.soonest == deadline {
            slot.soonest = UNKNOWN;
        }
    }

    /// The earliest deadline.
    pub(super) fn next_due<T>(&mut self, nodes: &Slab<T>) -> Option<Micros> {
        let place = self.lowest()?;
        Some(self.soonest(nodes, place))
    }

    /// Moves `base` to `now`, or to the first deadline up to then, which it returns with its first node.
    pub(super) fn advance<T>(&mut self, nodes: &mut Slab<T>, now: Micros) -> Option<(Micros, u32)> {
        while let Some(place) = self.lowest() {
            let start = self.start(place);
            if start > now {
                break;
            }
            if place.level == 0 {
                self.base = start;
                return Some((start, self.level(0).slots[place.slot].list.head()));
            }
            let soonest = self.soonest(nodes, place);
            self.spread(nodes, place, soonest.min(now));
        }
        self.base = self.base.max(now); // every slot that has something starts later
        None
    }

    /// Moves `base` into the first slot of all, whose nodes go to lower levels.
    fn spread<T>(&mut self, nodes: &mut Slab<T>, place: Place, base: Micros) {
        let mut walk = Slab::<T>::walk(self.level(place.level).slots[place.slot].list);
        self.vacate(place);
        self.base = base;
        while let Some(index) = walk.next(nodes) {
            self.link(nodes, index);
        }
    }

    fn soonest<T>(&mut self, nodes: &Slab<T>, place: Place) -> Micros {
        let level = self.level(place.level);
        let sorted = level.unsorted & (1 << place.slot) == 0;
        let slot = &mut level.slots[place.slot];
        if sorted {
            return nodes.deadline(slot.list.head());
        }
        if slot.soonest == UNKNOWN {
            slot.soonest = nodes.soonest(slot.list);
        }
        slot.soonest
    }

    fn lowest(&mut self) -> Option<Place> {
        if self.occupied == 0 {
            return None;
        }
        let level = self.occupied.trailing_zeros() as usize;
        let slot = self.level(level).occupied.trailing_zeros() as usize;
        Some(Place { level, slot })
    }

    fn vacate(&mut self, place: Place) {
        let level = self.level(place.level);
        level.occupied &= !(1 << place.slot);
        if level.occupied == 0 {
            self.occupied &= !(1 << place.level);
        }
    }

    fn level(&mut self, level: usize) -> &mut Level {
        self.each[level].as_mut().expect("a level that has an item was made")
    }

    fn place(&self, deadline: Micros) -> Place {
        let level = ((deadline ^ self.base) | 1).ilog2() / BITS;
        let digit = (deadline >> (level * BITS)) & DIGIT;
        Place { level: level as usize, slot: usize::try_from(digit).expect("a digit is below 64") }
    }

    /// The first time of a slot: `base` with this digit, and with zeros below.
    fn start(&self, place: Place) -> Micros {
        let shift = BITS * u32::try_from(place.level).expect("there are 11 levels");
        let above = self.base.checked_shr(shift + BITS).map_or(0, |digits| digits << (shift + BITS));
        above | Micros::try_from(place.slot).expect("there are 64 slots") << shift
    }
}

impl Level {
    const EMPTY: Self = Self { occupied: 0, unsorted: 0, slots: [Slot { list: List::EMPTY, soonest: UNKNOWN }; SLOTS] };

    fn add<T>(&mut self, nodes: &mut Slab<T>, slot: usize, index: u32, deadline: Micros) {
        let bit = 1 << slot;
        let slot = &mut self.slots[slot];
        if self.occupied & bit == 0 {
            self.occupied |= bit;
            self.unsorted &= !bit;
            slot.list = List::EMPTY;
        }
        let last = nodes.append(&mut slot.list, index);
        if self.unsorted & bit != 0 {
            slot.soonest = slot.soonest.min(deadline);
        } else if last.is_some_and(|last| deadline < last) {
            self.unsorted |= bit;
            slot.soonest = nodes.deadline(slot.list.head()).min(deadline);
        }
    }
}
