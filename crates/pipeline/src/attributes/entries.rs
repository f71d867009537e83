//! Keys and values in the order of their last writes.

use hashlink::LinkedHashMap;

use super::{AttributeValue, Key};

/// Up to so many entries a scan is cheaper than hashing one key: spans carry some fourteen, of different lengths.
const FEW: usize = 64;

#[derive(Clone, Debug)]
pub(super) enum Entries {
    Few(Vec<(Key, AttributeValue)>),
    Many(Box<LinkedHashMap<Key, AttributeValue>>),
}

impl Entries {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self::Few(Vec::with_capacity(capacity.min(FEW)))
    }

    /// Puts an entry, whose key is not there, at the end.
    pub(super) fn push(&mut self, key: Key, value: AttributeValue) {
        match self {
            Self::Few(entries) if entries.len() < FEW => entries.push((key, value)),
            Self::Few(entries) => {
                let mut many: LinkedHashMap<_, _> = std::mem::take(entries).into_iter().collect();
                many.insert(key, value);
                *self = Self::Many(Box::new(many));
            }
            Self::Many(entries) => {
                entries.insert(key, value);
            }
        }
    }

    /// Removes an entry. False if there was none.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        match self {
            Self::Few(entries) => match entries.iter().position(|(present, _)| present == key) {
                Some(position) => {
                    entries.remove(position);
                    true
                }
                None => false,
            },
            Self::Many(entries) => entries.remove(key).is_some(),
        }
    }

    pub(super) fn remove_oldest(&mut self) {
        match self {
            Self::Few(entries) if entries.is_empty() => {}
            Self::Few(entries) => {
                entries.remove(0);
            }
            Self::Many(entries) => {
                entries.pop_front();
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&AttributeValue> {
        match self {
            Self::Few(entries) => entries.iter().find(|(present, _)| present == key).map(|(_, value)| value),
            Self::Many(entries) => entries.get(key),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(entries) => entries.len(),
            Self::Many(entries) => entries.len(),
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        match self {
            Self::Few(entries) => Iter::Few(entries.iter()),
            Self::Many(entries) => Iter::Many(entries.iter()),
        }
    }

    pub(super) fn into_vec(self) -> Vec<(Key, AttributeValue)> {
        match self {
            Self::Few(entries) => entries,
            Self::Many(entries) => entries.into_iter().collect(),
        }
    }
}

impl Default for Entries {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// The entries, oldest write first.
pub(super) enum Iter<'a> {
    Few(std::slice::Iter<'a, (Key, AttributeValue)>),
    Many(hashlink::linked_hash_map::Iter<'a, Key, AttributeValue>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a AttributeValue);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Few(entries) => entries.next().map(|(key, value)| (key.as_ref(), value)),
            Self::Many(entries) => entries.next().map(|(key, value)| (key.as_ref(), value)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Few(entries) => entries.size_hint(),
            Self::Many(entries) => entries.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
