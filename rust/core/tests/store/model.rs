//! The tables in memory, as groups ought to leave them; and the same tables out of a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use motia_core::commit::{Commit, Operation, Parked};
use motia_core::job::{Bytes, Place, Record};
use motia_core::store::Store;

/// The tables: each row as text, under its key.
pub(crate) type Tables = BTreeMap<&'static str, BTreeMap<String, String>>;

/// The tables, with what is a row's key and what is the rest of it.
const COLUMNS: [(&str, &str, &str); 7] = [
    ("name", "id", "text"),
    (
        "job",
        "id",
        "json_array(message, sub, priority, place, due, attempt, crashes, enqueued, hex(meta), hex(payload))",
    ),
    ("attempt", "job || ' ' || n", "json_array(at, CAST(error AS TEXT) ->> 'message')"),
    ("parked", "id", "json_array(topic, until, hex(options), hex(meta), hex(payload))"),
    ("state", "grp || '/' || key", "json_array(id, version, expires, hex(value))"),
    ("schedule", "sub", "json_array(expression, zone, last)"),
    ("meta", "k", "v"),
];

pub(crate) fn tables_of(store: &dyn Store) -> Tables {
    let reader = store.reader().unwrap();
    let rows = |(table, key, rest)| {
        let sql = format!("SELECT CAST({key} AS TEXT), CAST({rest} AS TEXT) FROM {table}");
        let mut statement = reader.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        (table, rows)
    };
    COLUMNS.into_iter().map(rows).collect()
}

// ---------------------------------------------------------------- the model

/// Id, version, expiry and value.
type Item = (i64, i64, Option<i64>, Bytes);

/// What the engine's tables should hold, in the types of the crate.
#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) commit: i64,
    pub(crate) next_id: i64,
    pub(crate) names: BTreeMap<u32, String>,
    pub(crate) jobs: BTreeMap<i64, Record>,
    pub(crate) attempts: BTreeMap<(i64, u32), (i64, String)>,
    pub(crate) parked: BTreeMap<i64, Parked>,
    pub(crate) state: BTreeMap<(String, String), Item>,
    pub(crate) schedules: BTreeMap<u32, (String, String, i64)>,
}

fn hex(data: &[u8]) -> String {
    data.iter().fold(String::new(), |text, byte| text + &format!("{byte:02X}"))
}

impl Model {
    pub(crate) fn tables(&self) -> Tables {
        let text = |value: serde_json::Value| value.to_string();
        let job = |job: &Record| {
            text(serde_json::json!([
                job.message,
                job.sub,
                job.priority,
                job.place as u8,
                job.due,
                job.attempt,
                job.crashes,
                job.enqueued,
                hex(&job.meta),
                hex(&job.payload)
            ]))
        };
        let parked = |parked: &Parked| {
            let (options, meta, payload) = (hex(&parked.options), hex(&parked.meta), hex(&parked.payload));
            text(serde_json::json!([parked.topic, parked.until, options, meta, payload]))
        };
        let state = |item: &Item| text(serde_json::json!([item.0, item.1, item.2, hex(&item.3)]));
        let begun = [("boot", 1), ("clean", 0), ("min_reader", 1)];
        let meta = [("commit", self.commit), ("next_id", self.next_id)].into_iter().chain(begun);
        BTreeMap::from([
            ("name", self.names.iter().map(|(id, name)| (id.to_string(), name.clone())).collect()),
            ("job", self.jobs.iter().map(|(id, found)| (id.to_string(), job(found))).collect()),
            (
                "attempt",
                self.attempts
                    .iter()
                    .map(|((job, n), row)| (format!("{job} {n}"), text(serde_json::json!([row.0, row.1]))))
                    .collect(),
            ),
            ("parked", self.parked.iter().map(|(id, found)| (id.to_string(), parked(found))).collect()),
            ("state", self.state.iter().map(|((group, key), item)| (format!("{group}/{key}"), state(item))).collect()),
            (
                "schedule",
                self.schedules
                    .iter()
                    .map(|(sub, row)| (sub.to_string(), text(serde_json::json!([row.0, row.1, row.2]))))
                    .collect(),
            ),
            ("meta", meta.map(|(key, value)| (key.to_owned(), value.to_string())).collect()),
        ])
    }

    pub(crate) fn apply(&mut self, group: &[Arc<Commit>]) {
        for record in group.iter().flat_map(|commit| &commit.inserted) {
            self.jobs.insert(record.id, (**record).clone());
        }
        for operation in group.iter().flat_map(|commit| &commit.operations) {
            self.operate(operation.clone());
        }
        for id in group.iter().flat_map(|commit| &commit.deleted) {
            self.jobs.remove(id);
        }
        self.commit = group.last().map_or(self.commit, |commit| commit.number);
    }

    fn operate(&mut self, operation: Operation) {
        match operation {
            Operation::Reserve { next_id } => self.next_id = next_id,
            Operation::Name { number, text } => {
                self.names.insert(number, text);
            }
            Operation::Rename { number, text } => {
                self.names.entry(number).and_modify(|name| *name = text);
            }
            Operation::Reschedule { job, place, due, attempt, crashes } => {
                self.jobs.entry(job).and_modify(|row| *row = Record { place, due, attempt, crashes, ..row.clone() });
            }
            Operation::Revive { job, due, payload } => {
                let revived = |row: &mut Record| {
                    let (place, due) = (Place::Scheduled, Some(due));
                    *row = Record { place, due, attempt: 0, crashes: 0, payload, ..row.clone() };
                };
                self.jobs.entry(job).and_modify(revived);
            }
            Operation::Attempt(failed) => {
                let n = self
                    .attempts
                    .range((failed.job, 0)..=(failed.job, u32::MAX))
                    .next_back()
                    .map_or(1, |row| row.0.1 + 1);
                self.attempts.insert((failed.job, n), (failed.at, failed.error.message.clone()));
            }
            Operation::ForgetAttempts { job } => self.attempts.retain(|key, _| key.0 != job),
            Operation::Merge { from, into } => {
                for row in self.jobs.values_mut().filter(|row| row.sub == from || row.sub == into) {
                    row.sub = into;
                    row.place = if row.place == Place::Window { Place::Spilled } else { row.place };
                }
            }
            Operation::Park(parked) => {
                self.parked.insert(parked.id, parked);
            }
            Operation::Unpark { message } => {
                self.parked.remove(&message);
            }
            Operation::SetState { id, group, key, version, expires, value } => {
                self.state.insert((group.to_string(), key.to_string()), (id, version, expires, value));
            }
            Operation::DeleteState { group, key } => {
                self.state.remove(&(group.to_string(), key.to_string()));
            }
            Operation::ClearState { group } => self.state.retain(|key, _| key.0 != *group),
            Operation::Schedule { sub, expression, zone, last } => {
                self.schedules.insert(sub, (expression, zone, last));
            }
            Operation::Sweep { now, died } => self.sweep(now, died),
        }
    }

    fn sweep(&mut self, now: i64, died: Option<i64>) {
        self.parked.retain(|_, parked| parked.until > now);
        self.state.retain(|_, item| item.2.is_none_or(|expires| expires > now));
        let Some(died) = died else { return };
        let gone = |row: &Record| row.place == Place::Dead && row.due.is_some_and(|due| due <= died);
        let old: Vec<i64> = self.jobs.values().filter(|row| gone(row)).map(|row| row.id).collect();
        self.attempts.retain(|key, _| !old.contains(&key.0));
        self.jobs.retain(|id, _| !old.contains(id));
    }
}
