//! How inputs are damaged.

use crate::random::Random;
use crate::values;

/// Longer inputs are cut: they cost time and find no more.
const MAX_LENGTH: usize = 4096;

/// An input made of those of the corpus, by a few changes.
pub fn mutated(corpus: &[Vec<u8>], words: &[&str], random: &mut Random) -> Vec<u8> {
    let mut data = random.pick(corpus).clone();
    change(&mut data, corpus, words, random);
    while random.below(2) == 0 {
        change(&mut data, corpus, words, random);
    }
    data.truncate(MAX_LENGTH);
    data
}

fn change(data: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], random: &mut Random) {
    match random.below(16) {
        0 => flip(data, random),
        1 => cut(data, random),
        2 => double(data, random),
        3 => splice(data, random.pick(corpus).clone(), random),
        4 | 5 => swap_lines(data, random.pick::<Vec<u8>>(corpus), random),
        6 => insert(data, random.pick(words).as_bytes(), random),
        7 | 8 => swap_values(data, random.pick(words).as_bytes(), random),
        _ => swap_values(data, random.pick::<Vec<u8>>(corpus), random),
    }
}

fn flip(data: &mut [u8], random: &mut Random) {
    if !data.is_empty() {
        data[random.below(data.len())] ^= 1 << random.below(8);
    }
}

fn range(data: &[u8], random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(data.len() + 1);
    start..data.len().min(start + random.below(12))
}

fn cut(data: &mut Vec<u8>, random: &mut Random) {
    data.drain(range(data, random));
}

fn double(data: &mut Vec<u8>, random: &mut Random) {
    let piece = data[range(data, random)].to_vec();
    insert(data, &piece, random);
}

/// A word in place of a piece, which may be empty.
fn insert(data: &mut Vec<u8>, word: &[u8], random: &mut Random) {
    let start = random.below(data.len() + 1);
    let over = [0, 0, 1, word.len()][random.below(4)];
    data.splice(start..data.len().min(start + over), word.iter().copied());
}

/// The beginning of one, the end of another.
fn splice(data: &mut Vec<u8>, other: Vec<u8>, random: &mut Random) {
    let from = random.below(other.len() + 1);
    data.truncate(random.below(data.len() + 1));
    data.extend(other.into_iter().skip(from));
}

/// The first line of one, the rest of another.
fn swap_lines(data: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let end = |data: &[u8]| data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (mine, its) = (end(data), end(other));
    if random.below(2) == 0 {
        data.splice(..mine, other[..its].iter().copied());
    } else {
        data.splice(mine.., other[its..].iter().copied());
    }
}

/// A value of another in place of one, mostly one of the same key, so that JSON stays JSON and conditions conditions.
fn swap_values(data: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let (mine, its) = (values::places(data), values::places(other));
    if mine.is_empty() || its.is_empty() {
        return;
    }
    let mine = random.pick(&mine);
    let alike: Vec<_> = its.iter().filter(|place| place.key(other) == mine.key(data)).cloned().collect();
    let any = alike.is_empty() || random.below(8) == 0;
    let its = random.pick(if any { &its } else { &alike });
    data.splice(mine.value(data), other[its.value(other)].iter().copied());
}
