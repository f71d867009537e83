//! Attributes as the Python SDK holds them: ordered, bounded, the last write of a key wins.

mod entries;
mod json;
mod otel;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;

use entries::Entries;
pub use json::{float_repr, to_json};
pub use value::AttributeValue;

/// An attribute key. Semantic-convention keys are static and cost no allocation.
pub type Key = Cow<'static, str>;

/// What bounds an attribute collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttributeLimits {
    /// Most attributes kept; the oldest go first. `None` is no limit.
    pub count: Option<usize>,
    /// Longest string kept, in characters; longer ones are cut. `None` is no limit.
    pub value_length: Option<usize>,
}

/// An ordered collection of attributes.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    entries: Entries,
    dropped: u32,
}

impl Attributes {
    /// An empty collection with room for `capacity` attributes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Entries::with_capacity(capacity), dropped: 0 }
    }

    /// Sets an attribute. A key that is present moves to the end, as in `opentelemetry.attributes.BoundedAttributes`;
    /// a full collection drops its oldest attribute and counts it.
    pub fn set(&mut self, key: impl Into<Key>, mut value: AttributeValue, limits: AttributeLimits) {
        let key = key.into();
        if limits.count == Some(0) {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        if let Some(length) = limits.value_length {
            value.truncate(length);
        }
        if !self.entries.remove(&key) && limits.count.is_some_and(|count| self.entries.len() >= count) {
            self.entries.remove_oldest();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.entries.push(key, value);
    }

    /// Counts attributes that were refused before they came here.
    pub fn add_dropped(&mut self, count: u32) {
        self.dropped = self.dropped.saturating_add(count);
    }

    /// How many attributes were dropped or refused.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&AttributeValue> {
        self.entries.get(key)
    }

    /// The attributes, oldest write first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AttributeValue)> {
        self.entries.iter()
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The attributes as a map value, for [`to_json`].
    pub fn to_value(&self) -> AttributeValue {
        AttributeValue::Map(self.entries.clone().into_vec())
    }
}

/// Without limits.
impl<K: Into<Key>, V: Into<AttributeValue>> FromIterator<(K, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(attributes: I) -> Self {
        let mut collected = Self::default();
        for (key, value) in attributes {
            collected.set(key, value.into(), AttributeLimits::default());
        }
        collected
    }
}

/// Equal attributes in whatever order, as Python compares mappings; drop counts are not compared.
impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl IntoIterator for Attributes {
    type Item = (Key, AttributeValue);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_vec().into_iter()
    }
}
