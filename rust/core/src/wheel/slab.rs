//! The nodes of a wheel: one vector, whose entries are linked into lists by their indices.

use std::ops::Range;

use crate::clock::Micros;

/// No node.
const NIL: u32 = u32::MAX;
/// A vector that once held more nodes than this is given back when the last one leaves.
const KEEP: usize = 1_024;

/// Names one entry of a wheel for as long as it is in there; afterwards it names nothing.
///
/// An index that is used again comes with another stamp. Stamps repeat after 2^32 inserts: a key kept for longer than
/// that might name another entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    index: u32,
    stamp: u32,
}

impl Key {
    pub(super) fn index(self) -> u32 {
        self.index
    }
}

#[derive(Debug)]
struct Node<T> {
    deadline: Micros,
    before: u32,
    after: u32,
    stamp: u32,
    item: Option<T>,
}

/// A queue of nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    head: u32,
    tail: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NIL, tail: NIL };

    pub(super) fn is_empty(self) -> bool {
        self.head == NIL
    }

    /// The index of the first node; the list is not empty.
    pub(super) fn head(self) -> u32 {
        self.head
    }
}

#[derive(Debug)]
pub(super) struct Slab<T> {
    nodes: Vec<Node<T>>,
    /// The first of the free nodes, which are linked by `after`.
    free: u32,
    len: usize,
    stamp: u32,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), free: NIL, len: 0, stamp: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Stores an item in a node that is in no list yet.
    pub(super) fn insert(&mut self, deadline: Micros, item: T) -> Key {
        self.stamp = self.stamp.wrapping_add(1);
        self.len += 1;
        let node = Node { deadline, before: NIL, after: NIL, stamp: self.stamp, item: Some(item) };
        let index = self.free;
        if index == NIL {
            let index = u32::try_from(self.nodes.len()).expect("2^32 nodes are more than memory holds");
            self.nodes.push(node);
            return Key { index, stamp: self.stamp };
        }
        self.free = self.nodes[index as usize].after;
        self.nodes[index as usize] = node;
        Key { index, stamp: self.stamp }
    }

    /// The index of a node that is still there.
    pub(super) fn find(&self, key: Key) -> Option<u32> {
        let node = self.nodes.get(key.index as usize)?;
        (node.stamp == key.stamp && node.item.is_some()).then_some(key.index)
    }

    pub(super) fn deadline(&self, index: u32) -> Micros {
        self.nodes[index as usize].deadline
    }

    /// Frees a node that is in no list any more.
    pub(super) fn take(&mut self, index: u32) -> T {
        let node = &mut self.nodes[index as usize];
        node.after = self.free;
        let item = node.item.take().expect("an index in use names a full node");
        self.free = index;
        self.len -= 1;
        if self.len == 0 {
            self.clear();
        }
        item
    }

    /// All indices, those of free nodes included.
    pub(super) fn indices(&self) -> Range<u32> {
        0..u32::try_from(self.nodes.len()).expect("indices are 32 bits wide")
    }

    /// The item at an index, if there is one.
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        self.nodes.get(index as usize)?.item.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Micros, &T)> {
        self.nodes.iter().filter_map(|node| Some((node.deadline, node.item.as_ref()?)))
    }

    fn clear(&mut self) {
        self.nodes.clear();
        if self.nodes.capacity() > KEEP {
            self.nodes = Vec::new();
        }
        self.free = NIL;
        self.len = 0;
    }

    /// Appends a node; returns the deadline of the one before it.
    pub(super) fn append(&mut self, list: &mut List, index: u32) -> Option<Micros> {
        let before = list.tail;
        let node = &mut self.nodes[index as usize];
        node.before = before;
        node.after = NIL;
        list.tail = index;
        if before == NIL {
            list.head = index;
            return None;
        }
        let node = &mut self.nodes[before as usize];
        node.after = index;
        Some(node.deadline)
    }

    pub(super) fn unlink(&mut self, list: &mut List, index: u32) {
        let Node { before, after, .. } = self.nodes[index as usize];
        match before {
            NIL => list.head = after,
            before => self.nodes[before as usize].after = after,
        }
        match after {
            NIL => list.tail = before,
            after => self.nodes[after as usize].before = before,
        }
    }

    /// The indices of a list, first to last; a node may move to another list once it was passed.
    pub(super) fn walk(list: List) -> Walk {
        Walk { next: list.head }
    }

    /// The soonest deadline in a list that is not empty.
    pub(super) fn soonest(&self, list: List) -> Micros {
        let mut walk = Self::walk(list);
        let mut soonest = Micros::MAX;
        while let Some(index) = walk.next(self) {
            soonest = soonest.min(self.deadline(index));
        }
        soonest
    }
}

/// A position in a list that holds no borrow.
pub(super) struct Walk {
    next: u32,
}

impl Walk {
    pub(super) fn next<T>(&mut self, nodes: &Slab<T>) -> Option<u32> {
        let index = self.next;
        if index == NIL {
            return None;
        }
        self.next = nodes.nodes[index as usize].after;
        Some(index)
    }
}
