//! What the core answers, as values of the contract.

use std::sync::Arc;

use motia_core::commit::Parked;
use motia_core::engine::contract::{
    Claimed, Enqueued, Finished, JobState, JobView, Registered, ScheduleRow, Settled, Stats, Subscription,
    SubscriptionStats,
};
use motia_core::job::{Failure, Lease};
use motia_core::metrics::Histogram;
use motia_core::settings::Durability;
use motia_core::state::{StateChange, StateItem};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::contract::contract;
use crate::errors::exception;
use crate::job::Job;

type Given<'py> = PyResult<Bound<'py, PyAny>>;

pub(crate) fn lease(py: Python<'_>, lease: Lease) -> Given<'_> {
    let contract = contract(py)?;
    contract.named(&contract.lease, (lease.job, lease.boot, lease.epoch).into_pyobject(py)?)
}

pub(crate) fn failure<'py>(py: Python<'py>, error: &Failure) -> Given<'py> {
    let Failure { kind, message, traceback, reason } = error;
    contract(py)?.failure.bind(py).call1((kind, message, traceback, reason))
}

pub(crate) fn enqueued(py: Python<'_>, enqueued: Enqueued) -> Given<'_> {
    let contract = contract(py)?;
    let receipts = enqueued.receipts.into_iter().map(|receipt| {
        let jobs = PyTuple::new(py, receipt.job_ids)?;
        contract.named(&contract.receipt, (receipt.message_id, jobs, receipt.parked, false).into_pyobject(py)?)
    });
    let receipts = PyTuple::new(py, receipts.collect::<PyResult<Vec<_>>>()?)?;
    contract.named(&contract.enqueued, (enqueued.commit, receipts).into_pyobject(py)?)
}

/// `refused` are those that never came to the core.
pub(crate) fn settled(py: Python<'_>, settled: Settled, refused: Vec<(Lease, PyErr)>) -> Given<'_> {
    let contract = contract(py)?;
    let by_core = settled.refused.into_iter().map(|(of, error)| Ok((of, exception(py, error)?)));
    let refused = refused.into_iter().map(PyResult::Ok).chain(by_core).map(|refusal| {
        let (of, error) = refusal?;
        contract.named(&contract.refusal, (lease(py, of)?, error.into_value(py)).into_pyobject(py)?)
    });
    let refused = PyTuple::new(py, refused.collect::<PyResult<Vec<_>>>()?)?;
    contract.named(&contract.settled, (settled.commit, refused).into_pyobject(py)?)
}

/// Jobs of one subscription mostly come together, so its id becomes a string once for a run of them.
pub(crate) fn jobs(py: Python<'_>, claimed: Vec<Claimed>) -> PyResult<Bound<'_, PyList>> {
    let mut last: Option<(Arc<Subscription>, Py<PyString>)> = None;
    let mut jobs = Vec::with_capacity(claimed.len());
    for one in claimed {
        let id = match &last {
            Some((of, id)) if Arc::ptr_eq(of, &one.subscription) => id.clone_ref(py),
            _ => PyString::intern(py, &one.subscription.id).unbind(),
        };
        last = Some((Arc::clone(&one.subscription), id.clone_ref(py)));
        jobs.push(Py::new(py, Job::new(py, one, id)?)?);
    }
    PyList::new(py, jobs)
}

pub(crate) fn notices(py: Python<'_>, overdue: Vec<Lease>) -> PyResult<Bound<'_, PyList>> {
    let contract = contract(py)?;
    let notices =
        overdue.into_iter().map(|of| contract.named(&contract.notice, (lease(py, of)?, "overdue").into_pyobject(py)?));
    PyList::new(py, notices.collect::<PyResult<Vec<_>>>()?)
}

pub(crate) fn registered(py: Python<'_>, registered: Registered) -> Given<'_> {
    let Registered { orphans, adopted, unparked } = registered;
    contract(py)?.registered.bind(py).call1((orphans.into_py_dict(py)?, adopted, unparked))
}

pub(crate) fn state_item<'py>(py: Python<'py>, item: &StateItem) -> Given<'py> {
    let contract = contract(py)?;
    let fields = (&*item.key, PyBytes::new(py, &item.value), item.version);
    contract.named(&contract.state_item, fields.into_pyobject(py)?)
}

pub(crate) fn state_written(py: Python<'_>, commit: i64, changes: Vec<StateChange>) -> Given<'_> {
    let contract = contract(py)?;
    let bytes = |value: Option<motia_core::job::Bytes>| value.map(|value| PyBytes::new(py, &value));
    let changes = changes.into_iter().map(|change| {
        let StateChange { group, key, old, new, version } = change;
        contract.named(&contract.state_change, (&*group, &*key, bytes(old), bytes(new), version).into_pyobject(py)?)
    });
    let changes = PyTuple::new(py, changes.collect::<PyResult<Vec<_>>>()?)?;
    contract.named(&contract.state_written, (commit, changes).into_pyobject(py)?)
}

pub(crate) fn schedule_row(py: Python<'_>, row: ScheduleRow) -> Given<'_> {
    let contract = contract(py)?;
    let fields = (row.subscription, row.expression, row.zone, row.last);
    contract.named(&contract.schedule_row, fields.into_pyobject(py)?)
}

pub(crate) fn job_view<'py>(py: Python<'py>, view: &JobView) -> Given<'py> {
    let contract = contract(py)?;
    let attempts = view.attempts.iter().map(|attempt| {
        let error = failure(py, &attempt.error)?;
        contract.named(&contract.attempt, (attempt.n, attempt.at, error).into_pyobject(py)?)
    });
    let attempts = PyTuple::new(py, attempts.collect::<PyResult<Vec<_>>>()?)?;
    let state = match view.state {
        JobState::Ready => "ready",
        JobState::Scheduled => "scheduled",
        JobState::Running => "running",
        JobState::Dead => "dead",
    };
    let record = &view.record;
    let fields = PyDict::new(py);
    fields.set_item("id", record.id)?;
    fields.set_item("message_id", record.message)?;
    fields.set_item("subscription", &view.subscription.id)?;
    fields.set_item("state", state)?;
    fields.set_item("priority", record.priority)?;
    fields.set_item("attempt", record.attempt)?;
    fields.set_item("crashes", record.crashes)?;
    fields.set_item("enqueued", record.enqueued)?;
    fields.set_item("at", view.at)?;
    fields.set_item("payload", PyBytes::new(py, &record.payload))?;
    fields.set_item("meta", PyBytes::new(py, &record.meta))?;
    fields.set_item("orphaned", view.orphaned)?;
    fields.set_item("attempts", attempts)?;
    contract.job_view.bind(py).call((), Some(&fields))
}

pub(crate) fn job_views(py: Python<'_>, views: Vec<JobView>) -> PyResult<Bound<'_, PyList>> {
    let views = views.into_iter().map(|view| job_view(py, &view));
    PyList::new(py, views.collect::<PyResult<Vec<_>>>()?)
}

pub(crate) fn parked(py: Python<'_>, parked: Parked) -> Given<'_> {
    let meta = PyBytes::new(py, &parked.meta);
    let fields = (parked.id, parked.topic, parked.until, PyBytes::new(py, &parked.payload), meta);
    contract(py)?.parked_view.bind(py).call1(fields)
}

pub(crate) fn finished<'py>(py: Python<'py>, finished: &Finished) -> Given<'py> {
    let contract = contract(py)?;
    let outcome = if finished.skipped { "skipped" } else { "done" };
    let fields = (finished.id, &finished.subscription.id, outcome, finished.attempt, finished.at);
    contract.named(&contract.finished, fields.into_pyobject(py)?)
}

fn histogram(py: Python<'_>, histogram: Histogram) -> Given<'_> {
    let bounds = PyTuple::new(py, histogram.bounds)?;
    let counts = PyTuple::new(py, histogram.counts)?;
    contract(py)?.histogram.bind(py).call1((bounds, counts, histogram.total))
}

fn subscription_stats(py: Python<'_>, stats: SubscriptionStats) -> Given<'_> {
    let fields = PyDict::new(py);
    fields.set_item("subscription", &stats.subscription.id)?;
    fields.set_item("step", &stats.subscription.step)?;
    fields.set_item("topic", &stats.subscription.topic)?;
    fields.set_item("ready", stats.ready)?;
    fields.set_item("scheduled", stats.scheduled)?;
    fields.set_item("running", stats.running)?;
    fields.set_item("dead", stats.dead)?;
    fields.set_item("orphaned", stats.orphaned)?;
    fields.set_item("oldest", stats.oldest)?;
    fields.set_item("enqueued", stats.enqueued)?;
    fields.set_item("done", stats.done)?;
    fields.set_item("failed", stats.failed)?;
    fields.set_item("retried", stats.retried)?;
    fields.set_item("snoozed", stats.snoozed)?;
    fields.set_item("skipped", stats.skipped)?;
    fields.set_item("died", stats.died)?;
    fields.set_item("wait", histogram(py, stats.wait)?)?;
    fields.set_item("run", histogram(py, stats.run)?)?;
    contract(py)?.subscription_stats.bind(py).call((), Some(&fields))
}

pub(crate) fn durability(durability: Durability) -> &'static str {
    match durability {
        Durability::Sync => "sync",
        Durability::Os => "os",
        Durability::Memory => "memory",
    }
}

pub(crate) fn stats(py: Python<'_>, stats: Stats, data_dir: Option<String>, boot: i64) -> Given<'_> {
    let subscriptions = stats.subscriptions.into_iter().map(|one| subscription_stats(py, one));
    let fields = PyDict::new(py);
    fields.set_item("engine", "rust")?;
    fields.set_item("durability", durability(stats.durability))?;
    fields.set_item("data_dir", data_dir)?;
    fields.set_item("boot", boot)?;
    fields.set_item("committed", stats.committed)?;
    fields.set_item("durable", stats.durable)?;
    fields.set_item("pending_operations", stats.pending_operations)?;
    fields.set_item("pending_bytes", stats.pending_bytes)?;
    fields.set_item("parked", stats.parked)?;
    fields.set_item("unmatched", stats.unmatched.into_py_dict(py)?)?;
    fields.set_item("mismatches", stats.mismatches)?;
    fields.set_item("subscriptions", PyTuple::new(py, subscriptions.collect::<PyResult<Vec<_>>>()?)?)?;
    fields.set_item("group", histogram(py, stats.group)?)?;
    fields.set_item("sync", histogram(py, stats.sync)?)?;
    fields.set_item("database_bytes", stats.database_bytes)?;
    fields.set_item("wal_bytes", stats.wal_bytes)?;
    fields.set_item("free_pages", stats.free_pages)?;
    fields.set_item("disk_low", stats.disk_low)?;
    contract(py)?.stats.bind(py).call((), Some(&fields))
}
