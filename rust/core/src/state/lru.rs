//! Values in numbered slots, and an order of use over some of them; each step is O(1).

const NONE: u32 = u32::MAX;

/// A linked list through slots that are used again.
#[derive(Debug)]
pub(super) struct Lru<T> {
    slots: Vec<Slot<T>>,
    /// The first free slot; the free ones are linked by `after`.
    free: u32,
    first: u32,
    last: u32,
}

#[derive(Debug)]
struct Slot<T> {
    /// `None` in a free slot.
    value: Option<T>,
    before: u32,
    after: u32,
    is_linked: bool,
}

impl<T> Lru<T> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), free: NONE, first: NONE, last: NONE }
    }

    /// Keeps a value in the order, as the one used last; returns its slot.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let slot = self.free_slot();
        self.slots[slot as usize].value = Some(value);
        self.link(slot);
        slot
    }

    fn free_slot(&mut self) -> u32 {
        if self.free == NONE {
            let slot = u32::try_from(self.slots.len()).expect("4 billion slots are more than memory holds");
            self.slots.push(Slot { value: None, before: NONE, after: NONE, is_linked: false });
            return slot;
        }
        let slot = self.free;
        self.free = self.slots[slot as usize].after;
        slot
    }

    /// Frees a slot.
    pub(super) fn remove(&mut self, slot: u32) -> T {
        self.unlink(slot);
        let free = self.free;
        self.free = slot;
        let freed = &mut self.slots[slot as usize];
        freed.after = free;
        freed.value.take().expect("a slot is freed once")
    }

    pub(super) fn get(&self, slot: u32) -> &T {
        self.slots[slot as usize].value.as_ref().expect("a slot in use")
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut T {
        self.slots[slot as usize].value.as_mut().expect("a slot in use")
    }

    /// Makes a value the one used last, if it is in the order.
    pub(super) fn touch(&mut self, slot: u32) {
        if self.slots[slot as usize].is_linked && self.last != slot {
            self.unlink(slot);
            self.link(slot);
        }
    }

    /// Puts a value into the order, as the one used last, unless it is in it.
    pub(super) fn link(&mut self, slot: u32) {
        let last = self.last;
        let linked = &mut self.slots[slot as usize];
        if linked.is_linked {
            return;
        }
        (linked.is_linked, linked.before, linked.after) = (true, last, NONE);
        self.last = slot;
        match self.slots.get_mut(last as usize) {
            Some(before) => before.after = slot,
            None => self.first = slot,
        }
    }

    /// Takes a value out of the order; it keeps its slot.
    pub(super) fn unlink(&mut self, slot: u32) {
        let unlinked = &mut self.slots[slot as usize];
        if !std::mem::take(&mut unlinked.is_linked) {
            return;
        }
        let (before, after) = (unlinked.before, unlinked.after);
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.after = after,
            None => self.first = after,
        }
        match self.slots.get_mut(after as usize) {
            Some(slot) => slot.before = before,
            None => self.last = before,
        }
    }

    /// The value in the order that was not used for longest.
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// The value in the order that was used next after another one.
    pub(super) fn next(&self, slot: u32) -> Option<u32> {
        let after = self.slots[slot as usize].after;
        (after != NONE).then_some(after)
    }
}
