//! What may have been meant by a name that is not known, as Python's `difflib.get_close_matches` has it.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

/// Names less alike than this were not meant.
const CUTOFF: f64 = 0.6;
/// From this length of the name on, its most frequent characters start no match.
const LONG: usize = 200;

/// The most alike of the known names, the last by code point of equally alike ones; `None` if none is alike.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let matcher = Matcher::new(name);
    known
        .map(|candidate| (matcher.ratio(candidate), candidate))
        .filter(|(ratio, _)| *ratio >= CUTOFF)
        .max_by(|one, other| one.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal).then(one.1.cmp(other.1)))
        .map(|(_, candidate)| candidate)
}

/// Compares names with one of them.
struct Matcher {
    name: Vec<char>,
    /// The positions of each character that may start a match.
    positions: FxHashMap<char, Vec<usize>>,
}

/// Equal pieces: where they begin in the candidate and in the name, and their length.
#[derive(Clone, Copy, Default)]
struct Piece {
    candidate: usize,
    name: usize,
    length: usize,
}

impl Matcher {
    fn new(name: &str) -> Self {
        let name: Vec<char> = name.chars().collect();
        let mut positions: FxHashMap<char, Vec<usize>> = FxHashMap::default();
        for (at, &char) in name.iter().enumerate() {
            positions.entry(char).or_default().push(at);
        }
        if name.len() >= LONG {
            positions.retain(|_, at| at.len() <= name.len() / 100 + 1);
        }
        Self { name, positions }
    }

    /// How alike they are, from 0 to 1: twice the characters in equal pieces, by all characters.
    fn ratio(&self, candidate: &str) -> f64 {
        let candidate: Vec<char> = candidate.chars().collect();
        let all = candidate.len() + self.name.len();
        let at_most = 2 * candidate.len().min(self.name.len());
        if all == 0 {
            return 1.0;
        }
        if quotient(at_most, all) < CUTOFF {
            return 0.0;
        }
        quotient(2 * self.equal(&candidate), all)
    }

    /// The characters in equal pieces: the longest, then the longest to the left of it and to the right.
    fn equal(&self, candidate: &[char]) -> usize {
        let mut total = 0;
        let mut areas = vec![(0, candidate.len(), 0, self.name.len())];
        while let Some((from, to, name_from, name_to)) = areas.pop() {
            let piece = self.longest(candidate, (from, to), (name_from, name_to));
            if piece.length > 0 {
                total += piece.length;
                areas.push((from, piece.candidate, name_from, piece.name));
                areas.push((piece.candidate + piece.length, to, piece.name + piece.length, name_to));
            }
        }
        total
    }

    /// The longest equal piece of two ranges; of several the first in the candidate, then in the name.
    fn longest(&self, candidate: &[char], range: (usize, usize), name_range: (usize, usize)) -> Piece {
        let mut best = Piece { candidate: range.0, name: name_range.0, length: 0 };
        let mut lengths: FxHashMap<usize, usize> = FxHashMap::default(); // of the pieces that end at a position
        for (at, char) in candidate.iter().enumerate().take(range.1).skip(range.0) {
            let mut next = FxHashMap::default();
            let positions = self.positions.get(char).into_iter().flatten();
            for &name_at in positions.filter(|position| (name_range.0..name_range.1).contains(position)) {
                let before = name_at.checked_sub(1).and_then(|before| lengths.get(&before));
                let length = before.copied().unwrap_or(0) + 1;
                next.insert(name_at, length);
                if length > best.length {
                    best = Piece { candidate: at + 1 - length, name: name_at + 1 - length, length };
                }
            }
            lengths = next;
        }
        self.extended(candidate, range, name_range, best)
    }

    /// The piece and what is equal on both sides of it, which are characters that start no match.
    fn extended(&self, candidate: &[char], range: (usize, usize), name_range: (usize, usize), piece: Piece) -> Piece {
        let Piece { candidate: mut at, name: mut name_at, mut length } = piece;
        while at > range.0 && name_at > name_range.0 && candidate[at - 1] == self.name[name_at - 1] {
            (at, name_at, length) = (at - 1, name_at - 1, length + 1);
        }
        while at + length < range.1
            && name_at + length < name_range.1
            && candidate[at + length] == self.name[name_at + length]
        {
            length += 1;
        }
        Piece { candidate: at, name: name_at, length }
    }
}

fn quotient(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "names are shorter than 2**53")]
    let ratio = part as f64 / whole as f64;
    ratio
}
