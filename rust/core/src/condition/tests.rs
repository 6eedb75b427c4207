//! Tables of decided cases.

mod conditions;
mod json;
mod meaning;
