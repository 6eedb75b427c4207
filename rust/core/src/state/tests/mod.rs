mod cache;
mod model;
mod page;
mod plan;
mod speed;

use std::sync::Arc;

use crate::job::Bytes;
use crate::state::Item;

fn name(text: &str) -> Arc<str> {
    Arc::from(text)
}

fn bytes(text: &str) -> Bytes {
    Bytes::from(text.as_bytes())
}

/// An item that stays.
fn item(id: i64, value: &str) -> Item {
    Item { id, value: Some(bytes(value)), version: 1, expires: None }
}
