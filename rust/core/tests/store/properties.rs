//! Random groups against the model: after each group the file has the same rows, a group that fails leaves nothing, and
//! whatever of the log is left after a power cut is a prefix.

use std::collections::BTreeMap;
use std::sync::Arc;

use motia_core::commit::{Commit, Operation, Parked};
use motia_core::job::{Bytes, Record};
use motia_core::store::faulty::{Faults, FaultyStore};
use motia_core::store::{SqliteStore, Store};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::histories::{Fate, Maker, Step, histories};
use crate::model::{Model, tables_of};
use crate::rig::{Rig, in_memory, job};

/// A store under a model of it.
struct Pair {
    store: FaultyStore,
    faults: Arc<Faults>,
    model: Model,
    maker: Maker,
}

impl Pair {
    fn new(store: SqliteStore) -> Self {
        let faults = Arc::new(Faults::default());
        let model = Model { next_id: store.meta().unwrap().next_id, ..Model::default() };
        Self { store: FaultyStore::new(store, faults.clone()), faults, model, maker: Maker::default() }
    }

    fn meet(&mut self, steps: Vec<Vec<Step>>, fate: Fate) {
        let mut group = self.maker.group(&self.model, steps);
        match fate {
            Fate::Written => {
                self.store.commit(&group).unwrap();
                self.model.apply(&group);
            }
            Fate::Refused(code) => {
                self.faults.break_with([code]);
                self.store.commit(&group).unwrap_err();
            }
            Fate::Poisoned => {
                let twice = Parked {
                    id: i64::MAX,
                    topic: String::new(),
                    until: 0,
                    options: Bytes::default(),
                    meta: Bytes::default(),
                    payload: Bytes::default(),
                };
                let operations = vec![Operation::Park(twice.clone()), Operation::Park(twice)];
                group.push(Arc::new(Commit { number: self.maker.commits + 1, operations, ..Commit::default() }));
                self.store.commit(&group).unwrap_err();
            }
            Fate::Full => self.fill(group),
        }
    }

    /// A group that needs new pages, on a disk that has none.
    fn fill(&mut self, mut group: Vec<Arc<Commit>>) {
        let payload: Bytes = vec![7; 100_000].into();
        let number = self.maker.commits + 1;
        let inserted = (0..10).map(|_| Arc::new(Record { payload: payload.clone(), ..job(self.maker.id()) })).collect();
        group.push(Arc::new(Commit { number, inserted, ..Commit::default() }));
        let pages = self.store.limit_pages(1).unwrap();
        self.store.commit(&group).unwrap_err();
        self.store.limit_pages(pages + 100_000).unwrap();
    }

    fn assert_alike(&self) {
        assert_eq!(tables_of(&self.store), self.model.tables());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_file_has_what_the_model_has_after_each_group_and_after_a_kill(history in histories()) {
        let rig = Rig::new();
        let mut pair = Pair::new(rig.begun());
        for (steps, fate) in history {
            pair.meet(steps, fate);
            pair.assert_alike();
            pair.store.checkpoint().unwrap();
        }
        let left = rig.killed();
        prop_assert_eq!(tables_of(&left.open()), pair.model.tables());
        pair.store.close();
        prop_assert_eq!(tables_of(&rig.open()), pair.model.tables());
    }

    #[test]
    fn a_store_in_memory_has_what_the_model_has(history in histories()) {
        let mut pair = Pair::new(in_memory());
        for (steps, fate) in history {
            pair.meet(steps, fate);
            pair.assert_alike();
        }
    }

    #[test]
    fn whatever_is_left_of_the_log_is_a_prefix(history in histories(), cut in any::<Index>()) {
        let rig = Rig::new();
        let mut pair = Pair::new(rig.begun());
        let mut states = BTreeMap::from([(pair.model.commit, pair.model.tables())]);
        for (steps, fate) in history {
            pair.meet(steps, fate);
            states.insert(pair.model.commit, pair.model.tables());
        }
        let left = rig.killed();
        let wal = left.dir.path().join("engine.db-wal");
        let log = std::fs::read(&wal).unwrap();
        std::fs::write(&wal, &log[..cut.index(log.len())]).unwrap();
        let store = left.open();
        let (mut found, mut expected) = (tables_of(&store), states[&store.meta().unwrap().commit].clone());
        // Before the first group, that this opening began may be lost too.
        found.remove("meta");
        expected.remove("meta");
        prop_assert_eq!(found, expected);
    }
}
