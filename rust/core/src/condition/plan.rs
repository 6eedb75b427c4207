//! Which places of a payload conditions look at, and one pass over the payload that finds them all.

use rustc_hash::FxHashMap;

use super::scan::{Result, Scanner};
use super::value::{Array, Object, Value};

/// Paths longer than this lead nowhere: no payload nests so deep.
const MAX_PATH: usize = 1025;

/// What is at the places of a plan, by slot.
pub(crate) type Found<'p> = Vec<Option<Value<'p>>>;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(Box<str>),
    Place(usize),
}

/// The places that one or more conditions look at, each with a slot for what is found there.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    root: Node,
    slots: usize,
}

#[derive(Debug, Default)]
struct Node {
    slot: Option<usize>,
    keys: FxHashMap<Box<str>, Node>,
    places: FxHashMap<usize, Node>,
    /// All slots here and below.
    below: Vec<usize>,
}

impl Plan {
    /// The slot of what the path finds; the same for equal paths.
    pub(super) fn slot(&mut self, path: &[Segment]) -> usize {
        let path = &path[..path.len().min(MAX_PATH)];
        if let Some(slot) = self.known(path) {
            return slot;
        }
        let slot = self.slots;
        self.slots += 1;
        let mut node = &mut self.root;
        node.below.push(slot);
        for segment in path {
            node = match segment {
                Segment::Key(key) => node.keys.entry(key.clone()).or_default(),
                Segment::Place(place) => node.places.entry(*place).or_default(),
            };
            node.below.push(slot);
        }
        node.slot = Some(slot);
        slot
    }

    fn known(&self, path: &[Segment]) -> Option<usize> {
        let mut node = &self.root;
        for segment in path {
            node = match segment {
                Segment::Key(key) => node.keys.get(key)?,
                Segment::Place(place) => node.places.get(place)?,
            };
        }
        node.slot
    }

    /// What is at the places of a payload, by slot. Checks the whole payload.
    pub(crate) fn find<'p>(&self, payload: &'p [u8]) -> Result<Found<'p>> {
        let mut found = Vec::new();
        found.resize_with(self.slots, || None);
        let mut scanner = Scanner::new(payload)?;
        self.root.find(&mut scanner, &mut found)?;
        scanner.finish()?;
        Ok(found)
    }
}

impl Node {
    /// The scanner is before the value that belongs to this node.
    fn find<'p>(&self, scanner: &mut Scanner<'p>, found: &mut Found<'p>) -> Result<()> {
        self.clear(found);
        scanner.space();
        let start = scanner.at();
        let value = match scanner.peek() {
            Some(b'{') if !self.keys.is_empty() => {
                self.find_keys(scanner, found)?;
                Value::Object(Object::new(scanner.since(start)))
            }
            Some(b'[') if !self.places.is_empty() => {
                self.find_places(scanner, found)?;
                Value::Array(Array::new(scanner.since(start)))
            }
            _ if self.slot.is_none() => return scanner.skip(),
            _ => scanner.value()?,
        };
        if let Some(slot) = self.slot {
            found[slot] = Some(value);
        }
        Ok(())
    }

    fn find_keys<'p>(&self, scanner: &mut Scanner<'p>, found: &mut Found<'p>) -> Result<()> {
        scanner.enter()?;
        let mut first = true;
        while let Some(key) = scanner.key(first)? {
            first = false;
            match self.keys.get(&*key.decoded()) {
                Some(node) => node.find(scanner, found)?,
                None => scanner.skip()?,
            }
        }
        Ok(())
    }

    fn find_places<'p>(&self, scanner: &mut Scanner<'p>, found: &mut Found<'p>) -> Result<()> {
        scanner.enter()?;
        let mut place = 0;
        while scanner.item(place == 0)? {
            match self.places.get(&place) {
                Some(node) => node.find(scanner, found)?,
                None => scanner.skip()?,
            }
            place += 1;
        }
        Ok(())
    }

    /// Forgets what an equal key before has left: the last one counts.
    fn clear(&self, found: &mut Found<'_>) {
        for &slot in &self.below {
            found[slot] = None;
        }
    }
}
