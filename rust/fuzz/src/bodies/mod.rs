//! One body for each thing that decodes bytes.

mod condition;
mod evaluate;
mod running;
mod update;

/// What is run on bytes, and what those are made of.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// That of its directory in the corpus.
    pub name: &'static str,
    /// Panics where the engine is wrong about the bytes.
    pub run: fn(&[u8]),
    /// Pieces of which inputs are made.
    pub words: &'static [&'static str],
}

/// All bodies.
pub const BODIES: &[Body] = &[
    Body { name: "evaluate", run: evaluate::body, words: evaluate::WORDS },
    Body { name: "condition", run: condition::body, words: condition::WORDS },
    Body { name: "running", run: running::body, words: running::WORDS },
    Body { name: "update", run: update::body, words: update::WORDS },
];
