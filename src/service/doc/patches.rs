//! What a transaction made of its documents, as JSON Patches.

use crate::domain::doc::{cache, store};
use crate::ids::ProjectId;
use quire_core::doc::{DocLimits, Heads};
use quire_core::error::{Code, Error, Result};
use quire_core::key::DocKey;
use quire_core::query::weight;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Largest JSON of a document that is compared, in bytes.
const MAX_COMPARED_BYTES: usize = 8 << 20;
/// Largest patch, in bytes, about.
const MAX_PATCH_BYTES: usize = 1 << 20;
/// Largest patches of an answer together.
const MAX_BYTES: usize = 16 << 20;

/// Documents as they were before.
pub type Before = BTreeMap<DocKey, Heads>;

/// Documents as they are now.
pub fn now<'k>(project: ProjectId, keys: impl Iterator<Item = &'k DocKey>) -> Result<Before> {
    keys.map(|key| {
        let head = store::head(project, key)?;
        Ok((key.clone(), head.map(|head| head.summary.heads).unwrap_or_default()))
    })
    .collect()
}

/// The patches of an answer.
pub struct Patches {
    project: ProjectId,
    before: Before,
    limits: DocLimits,
    /// Bytes of those so far.
    bytes: usize,
}

impl Patches {
    /// Of documents that were so before.
    pub fn of(project: ProjectId, before: Before, limits: &DocLimits) -> Self {
        let max_json_bytes = limits.max_json_bytes.min(MAX_COMPARED_BYTES);
        Self { project, before, limits: DocLimits { max_json_bytes, ..*limits }, bytes: 0 }
    }

    /// Says what became of a document: the patch, or that there is none to be had.
    pub fn add_to(&mut self, result: &mut Value, key: &DocKey) -> Result<()> {
        let patch = match self.before.remove(key) {
            Some(before) => self.patch(key, &before)?,
            None => None,
        };
        match patch {
            Some(patch) => result["patch"] = patch,
            None => result["patch_omitted"] = json!(true),
        }
        Ok(())
    }

    fn patch(&mut self, key: &DocKey, before: &Heads) -> Result<Option<Value>> {
        let Some(head) = store::head(self.project, key)? else { return Ok(None) };
        let is_of_the_doc = |error: &Error| {
            matches!(error.code(), Code::Limit | Code::Invariant) && error.member("reason").is_none()
        };
        let patch = match cache::with(self.project, &head, |now| now.diff(Some(before), None, &self.limits)) {
            Err(error) if is_of_the_doc(&error) => return Ok(None),
            patch => patch?,
        };
        let bytes = weight(&patch);
        if bytes > MAX_PATCH_BYTES || self.bytes + bytes > MAX_BYTES {
            return Ok(None);
        }
        self.bytes += bytes;
        Ok(Some(patch))
    }
}
