//! The committed inputs, on the checks of a dev build; and damage that leaves something to find.

use std::collections::HashSet;

use motia_core::condition::Condition;
use motia_fuzz::mutate::mutated;
use motia_fuzz::random::Random;
use motia_fuzz::{BODIES, corpus};

#[test]
fn every_body_holds_on_its_corpus() {
    for body in BODIES {
        let inputs = corpus::load(body.name).unwrap();
        assert!(!inputs.is_empty(), "{}", body.name);
        for (_, data) in inputs {
            (body.run)(&data);
        }
    }
}

fn damaged(count: usize, seed: u64) -> Vec<Vec<u8>> {
    let body = BODIES.iter().find(|body| body.name == "condition").expect("there is such a body");
    let inputs: Vec<_> = corpus::load(body.name).expect("it is committed").into_iter().map(|(_, data)| data).collect();
    let mut random = Random::new(seed);
    (0..count).map(|_| mutated(&inputs, body.words, &mut random)).collect()
}

#[test]
fn a_seed_repeats_a_run() {
    assert_eq!(damaged(100, 1), damaged(100, 1));
    assert_ne!(damaged(100, 1), damaged(100, 2));
}

#[test]
fn damage_leaves_a_good_part_of_the_conditions_whole() {
    let damaged = damaged(1_000, 1);
    let different: HashSet<_> = damaged.iter().collect();
    let whole = different.iter().filter(|json| Condition::compile(json).is_ok()).count();
    assert!(different.len() > 700 && whole > 80 && whole < 600, "{whole} of {} are whole", different.len());
}
