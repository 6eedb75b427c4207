//! Which subscriptions get a message: by topic, then by condition.

mod index;
mod nearest;
#[cfg(test)]
mod tests;
mod topic;

use rustc_hash::FxHashMap;

use crate::condition::{ConditionError, NotJson};
use crate::error::Error;
use topic::Topic;

/// One declared subscription.
#[derive(Clone, Debug)]
pub struct Entry<'a, T> {
    /// Its identity; of equal ones the last is found by name.
    pub id: &'a str,
    /// What it gets messages of; empty for one that is only ever named.
    pub topic: &'a str,
    /// Encoded, as `Condition.to_json()` makes it.
    pub condition: Option<&'a [u8]>,
    /// What `route` returns for it.
    pub target: T,
}

/// Where one message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed<T> {
    /// The targets of the matching subscriptions, in the order of their declaration.
    pub targets: Vec<T>,
    /// Whether any subscription is declared for the topic.
    pub known: bool,
    /// Comparisons of all conditions of the topic that met a value of another type.
    pub mismatches: u64,
}

/// Why a message goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The subscription that was named is not declared; `nearest` is what may have been meant.
    #[error("no step declares the subscription \"{name}\"{}", did_you_mean(nearest.as_deref()))]
    UnknownSubscription {
        /// As it was named.
        name: String,
        /// The declared one that is most alike.
        nearest: Option<String>,
    },
    /// A condition had to look at a payload that is not JSON.
    #[error(transparent)]
    NotJson(#[from] NotJson),
}

impl From<RouteError> for Error {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::UnknownSubscription { .. } => Self::UnknownSubscription(error.to_string()),
            RouteError::NotJson(error) => error.into(),
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}

/// The route table: replaced as a whole by `register`, never changed.
#[derive(Debug)]
pub struct Routes<T> {
    by_topic: FxHashMap<Box<str>, Topic<T>>,
    by_id: FxHashMap<Box<str>, T>,
}

impl<T: Clone> Routes<T> {
    /// The routes of a set of declared subscriptions.
    ///
    /// # Errors
    ///
    /// A condition is none.
    pub fn new<'a>(entries: impl IntoIterator<Item = Entry<'a, T>>) -> Result<Self, ConditionError> {
        let mut routes = Self::default();
        for entry in entries {
            routes.by_id.insert(entry.id.into(), entry.target.clone());
            if !entry.topic.is_empty() {
                let topic = routes.by_topic.entry(entry.topic.into()).or_default();
                topic.add(entry.target, entry.condition)?;
            }
        }
        Ok(routes)
    }

    /// Decides where a message goes: to the subscription if one is named, else where its topic and conditions send it.
    ///
    /// # Errors
    ///
    /// The subscription that is named is not declared; or a condition is declared for the topic, and the payload is not
    /// JSON. Nobody looks at the payload otherwise.
    pub fn route(&self, topic: &str, subscription: Option<&str>, payload: &[u8]) -> Result<Routed<T>, RouteError> {
        if let Some(name) = subscription {
            return Ok(Routed { targets: vec![self.named(name)?.clone()], known: true, mismatches: 0 });
        }
        Ok(match self.by_topic.get(topic) {
            Some(topic) => topic.route(payload)?,
            None => Routed { targets: Vec::new(), known: false, mismatches: 0 },
        })
    }

    /// Whether any subscription is declared for the topic.
    #[must_use]
    pub fn knows(&self, topic: &str) -> bool {
        self.by_topic.contains_key(topic)
    }

    /// The target of the declared subscription of that id.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn named(&self, id: &str) -> Result<&T, RouteError> {
        self.by_id.get(id).ok_or_else(|| RouteError::UnknownSubscription {
            name: id.into(),
            nearest: nearest::nearest(id, self.by_id.keys().map(AsRef::as_ref)).map(Into::into),
        })
    }
}

impl<T> Default for Routes<T> {
    /// No subscription is declared.
    fn default() -> Self {
        Self { by_topic: FxHashMap::default(), by_id: FxHashMap::default() }
    }
}
