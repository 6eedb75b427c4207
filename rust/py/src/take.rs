//! What Python gives, as values of the core. Values of the contract are looked into by name, and never changed.

use std::sync::Arc;

use motia_core::condition::Condition;
use motia_core::engine::contract::{Effect, JobFilter, JobState, Message, Settlement, Subscription};
use motia_core::error::Error;
use motia_core::job::{Bytes, Failure, Kind, Lease, Outcome};
use motia_core::retry::{Backoff, RetryPolicy};
use motia_core::state::StateWrite;
use motia_core::update::{OpKind, Segment, UpdateOp};
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::contract::contract;
use crate::errors::raise;

pub(crate) fn bytes(value: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    Ok(Arc::from(value.cast::<PyBytes>()?.as_bytes()))
}

pub(crate) fn kind(kind: &str) -> PyResult<Kind> {
    match kind {
        "async" => Ok(Kind::Async),
        "thread" => Ok(Kind::Thread),
        other => Err(PyValueError::new_err(format!("kind is \"async\" or \"thread\", not {other:?}"))),
    }
}

/// A name that the file keeps: `NotEncodable`, which says `what` it is, where UTF-8 cannot hold it.
pub(crate) fn name(value: &Bound<'_, PyAny>, what: &str) -> PyResult<String> {
    let text = value.cast::<PyString>()?;
    text.to_str().map(str::to_owned).map_err(|error| {
        let py = value.py();
        if !error.is_instance_of::<PyUnicodeEncodeError>(py) {
            return error;
        }
        let refuse = || -> PyResult<PyErr> {
            let shown = value.repr()?;
            let class = py.import("motia_fast.errors")?.getattr("NotEncodable")?;
            let text = format!("{what} {} has lone surrogates, which UTF-8 cannot hold", shown.to_str()?);
            Ok(PyErr::from_value(class.call1((text,))?))
        };
        refuse().unwrap_or(error)
    })
}

/// An exception may carry text that UTF-8 cannot hold (lone surrogates); its loss must not cost the settlement.
fn storable(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value.cast::<PyString>()?;
    match text.to_str() {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => text.call_method1("encode", ("utf-8", "replace"))?.call_method0("decode")?.extract(),
    }
}

pub(crate) fn messages(values: &Bound<'_, PyAny>) -> PyResult<Vec<Message>> {
    values.try_iter()?.map(|value| message(&value?)).collect()
}

fn message(value: &Bound<'_, PyAny>) -> PyResult<Message> {
    let py = value.py();
    let subscription = value.getattr(intern!(py, "subscription"))?;
    Ok(Message {
        topic: name(&value.getattr(intern!(py, "topic"))?, "topic")?,
        payload: bytes(&value.getattr(intern!(py, "payload"))?)?,
        subscription: (!subscription.is_none()).then(|| storable(&subscription)).transpose()?,
        delay: value.getattr(intern!(py, "delay"))?.extract()?,
        run_at: run_at(&value.getattr(intern!(py, "run_at"))?),
        priority: value.getattr(intern!(py, "priority"))?.extract()?,
        meta: bytes(&value.getattr(intern!(py, "meta"))?)?,
    })
}

/// A time beyond 64 bits is one that no column holds: the core refuses it by its own text.
fn run_at(value: &Bound<'_, PyAny>) -> Option<i64> {
    (!value.is_none()).then(|| value.extract().unwrap_or(i64::MAX))
}

pub(crate) fn lease(value: &Bound<'_, PyAny>) -> PyResult<Lease> {
    let fields = value.cast::<PyTuple>()?;
    Ok(Lease {
        job: fields.get_item(0)?.extract()?,
        boot: fields.get_item(1)?.extract()?,
        epoch: fields.get_item(2)?.extract()?,
    })
}

/// Settlements, and those among them that are refused already: an effect of theirs is no value of the contract.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) settlements: Vec<Settlement>,
    pub(crate) refused: Vec<(Lease, PyErr)>,
}

pub(crate) fn settlements(values: &Bound<'_, PyAny>) -> PyResult<Batch> {
    let mut batch = Batch::default();
    for value in values.try_iter()? {
        let value = value?;
        let fields = value.cast::<PyTuple>()?;
        let (lease, outcome) = (lease(&fields.get_item(0)?)?, outcome(&fields.get_item(1)?)?);
        let effects = fields.get_item(2)?;
        match effects.cast::<PyTuple>()?.iter().map(|one| effect(&one)).collect() {
            Ok(effects) => batch.settlements.push(Settlement { lease, outcome, effects }),
            Err(error) => batch.refused.push((lease, error)),
        }
    }
    Ok(batch)
}

fn outcome(value: &Bound<'_, PyAny>) -> PyResult<Outcome> {
    let py = value.py();
    let (class, known) = (value.get_type(), contract(py)?);
    let error = || failure(&value.getattr(intern!(py, "error"))?);
    if class.is(&known.done) {
        Ok(Outcome::Done)
    } else if class.is(&known.failed) {
        Ok(Outcome::Failed(error()?))
    } else if class.is(&known.retried) {
        let after = value.getattr(intern!(py, "after"))?.extract()?;
        Ok(Outcome::Retried { after, error: error()? })
    } else if class.is(&known.snoozed) {
        let seconds = value.getattr(intern!(py, "seconds"))?.extract()?;
        Ok(Outcome::Snoozed { seconds })
    } else if class.is(&known.skipped) {
        Ok(Outcome::Skipped)
    } else if class.is(&known.died) {
        Ok(Outcome::Died(error()?))
    } else if class.is(&known.released) {
        Ok(Outcome::Released)
    } else {
        Err(PyTypeError::new_err(format!("{} is no outcome of a run", value.repr()?)))
    }
}

fn failure(value: &Bound<'_, PyAny>) -> PyResult<Failure> {
    let py = value.py();
    Ok(Failure {
        kind: storable(&value.getattr(intern!(py, "type"))?)?,
        message: storable(&value.getattr(intern!(py, "message"))?)?,
        traceback: storable(&value.getattr(intern!(py, "traceback"))?)?,
        reason: storable(&value.getattr(intern!(py, "reason"))?)?,
    })
}

fn effect(value: &Bound<'_, PyAny>) -> PyResult<Effect> {
    if value.get_type().is(&contract(value.py())?.message) {
        Ok(Effect::Message(message(value)?))
    } else {
        Ok(Effect::State(state_write(value)?))
    }
}

pub(crate) fn state_writes(values: &Bound<'_, PyAny>) -> PyResult<Vec<StateWrite>> {
    values.try_iter()?.map(|value| state_write(&value?)).collect()
}

fn state_write(value: &Bound<'_, PyAny>) -> PyResult<StateWrite> {
    let py = value.py();
    let given = value.getattr(intern!(py, "value"))?;
    let ops = value.getattr(intern!(py, "ops"))?;
    Ok(StateWrite {
        group: name(&value.getattr(intern!(py, "group"))?, "state:")?.into(),
        key: name(&value.getattr(intern!(py, "key"))?, "state:")?.into(),
        value: (!given.is_none()).then(|| bytes(&given)).transpose()?,
        ops: ops.try_iter()?.map(|op| update_op(&op?)).collect::<PyResult<_>>()?,
        delete: value.getattr(intern!(py, "delete"))?.extract()?,
        ttl: value.getattr(intern!(py, "ttl"))?.extract()?,
        expected_version: value.getattr(intern!(py, "expected_version"))?.extract()?,
    })
}

fn update_op(value: &Bound<'_, PyAny>) -> PyResult<UpdateOp> {
    let given = value.getattr("value")?;
    let kind = match value.getattr("kind")?.extract::<&str>()? {
        "set" => OpKind::Set,
        "merge" => OpKind::Merge,
        "increment" => OpKind::Increment,
        "decrement" => OpKind::Decrement,
        "append" => OpKind::Append,
        "remove" => OpKind::Remove,
        other => return Err(PyValueError::new_err(format!("{other:?} is no operation of an update"))),
    };
    let path = value.getattr("path")?;
    Ok(UpdateOp {
        kind,
        path: path.try_iter()?.map(|one| segment(&one?)).collect::<PyResult<_>>()?,
        value: (!given.is_none()).then(|| bytes(&given)).transpose()?,
    })
}

fn segment(value: &Bound<'_, PyAny>) -> PyResult<Segment> {
    if value.is_instance_of::<PyString>() {
        return Ok(Segment::Key(name(value, "state: the key")?));
    }
    Ok(Segment::Index(value.extract()?))
}

pub(crate) fn subscriptions(values: &Bound<'_, PyAny>) -> PyResult<Vec<Subscription>> {
    values.try_iter()?.map(|value| subscription(&value?)).collect()
}

fn subscription(value: &Bound<'_, PyAny>) -> PyResult<Subscription> {
    let condition: Option<Vec<u8>> = value.getattr("condition")?.extract()?;
    let was = value.getattr("was")?;
    Ok(Subscription {
        id: value.getattr("id")?.extract()?,
        step: value.getattr("step")?.extract()?,
        topic: value.getattr("topic")?.extract()?,
        kind: kind(value.getattr("kind")?.extract()?)?,
        priority: value.getattr("priority")?.extract()?,
        concurrency: value.getattr("concurrency")?.extract::<i64>()?.try_into().unwrap_or(0),
        retry: retry(&value.getattr("retry")?)?,
        delay: value.getattr("delay")?.extract()?,
        timeout: value.getattr("timeout")?.extract()?,
        dead_letter_topic: value.getattr("dead_letter_topic")?.extract()?,
        condition,
        was: was.try_iter()?.map(|one| one?.extract()).collect::<PyResult<_>>()?,
    })
}

fn retry(value: &Bound<'_, PyAny>) -> PyResult<RetryPolicy> {
    let most: i64 = value.getattr("max_retries")?.extract().unwrap_or(i64::MAX);
    Ok(RetryPolicy {
        max_retries: u32::try_from(most.max(0)).unwrap_or(u32::MAX),
        backoff: match value.getattr("backoff")?.extract::<&str>()? {
            "fixed" => Backoff::Fixed,
            "linear" => Backoff::Linear,
            _ => Backoff::Exponential,
        },
        backoff_delay: value.getattr("backoff_delay")?.extract()?,
        backoff_max: value.getattr("backoff_max")?.extract()?,
        jitter: value.getattr("jitter")?.extract()?,
    })
}

pub(crate) fn job_filter(value: Option<&Bound<'_, PyAny>>) -> PyResult<JobFilter> {
    let Some(value) = value else {
        return Ok(JobFilter::default());
    };
    let ids = value.getattr("ids")?;
    let ids = (!ids.is_none()).then(|| ids.try_iter()?.map(|one| one?.extract()).collect::<PyResult<Vec<i64>>>());
    let state: Option<String> = value.getattr("state")?.extract()?;
    Ok(JobFilter {
        ids: ids.transpose()?,
        step: value.getattr("step")?.extract()?,
        subscription: value.getattr("subscription")?.extract()?,
        state: state.as_deref().map(job_state).transpose()?,
    })
}

fn job_state(name: &str) -> PyResult<JobState> {
    match name {
        "ready" => Ok(JobState::Ready),
        "scheduled" => Ok(JobState::Scheduled),
        "running" => Ok(JobState::Running),
        "dead" => Ok(JobState::Dead),
        other => Err(PyValueError::new_err(format!("{other:?} is no state of a job"))),
    }
}

/// A limit or offset that a caller gave as any integer.
pub(crate) fn size(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

/// Whether a condition holds for a payload, and how many of its comparisons met a value of another type.
#[pyfunction]
pub(crate) fn evaluate(py: Python<'_>, condition: &[u8], payload: &[u8]) -> PyResult<(bool, u64)> {
    let compiled = Condition::compile(condition).map_err(|error| raise(py, Error::from(error)))?;
    let verdict = compiled.evaluate(payload).map_err(|error| raise(py, Error::from(error)))?;
    Ok((verdict.matched, verdict.mismatches))
}
