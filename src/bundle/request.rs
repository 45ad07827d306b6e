//! Idempotency: the same correlation id again returns the first receipt; with a different request it is PT409.

use super::{Receipt, store};
use crate::args::correlation_arg;
use crate::ids::{ActorId, CorrelationId, ProjectId, Seq};
use pgrx::Uuid;
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::json::canonical;
use quire_core::op::Outcome;
use quire_core::reason::Reason;
use serde_json::{Value, json};

/// Identifies a request: the function and what it was asked, content by hash.
fn fingerprint(function: &str, arguments: Value) -> Result<Hash> {
    Ok(Hash::of(&canonical(&json!([function, arguments]))?))
}

/// The correlation of a request, if it has one.
pub fn correlated(
    correlation_id: Option<Uuid>,
    function: &str,
    arguments: impl FnOnce() -> Value,
) -> Result<Option<(CorrelationId, Hash)>> {
    correlation_arg(correlation_id).map(|id| Ok((id, fingerprint(function, arguments())?))).transpose()
}

/// A repeated request's id, who repeats it, and what it asks.
pub struct RequestKey {
    pub id: CorrelationId,
    pub hash: Hash,
}

impl RequestKey {
    /// Binds the fingerprint to the actor: somebody else's id is a different request.
    pub fn new(id: CorrelationId, actor: ActorId, fingerprint: Hash) -> Self {
        let hash = Hash::of_parts([&actor.0.as_bytes()[..], &fingerprint.as_bytes()[..]]);
        Self { id, hash }
    }

    /// The first receipt, when this request was answered before.
    pub fn find(&self, project: ProjectId) -> Result<Option<Receipt>> {
        let Some((hash, receipt)) = store::find_request(project, self.id)? else { return Ok(None) };
        if hash != self.hash {
            return Err(Error::conflict(
                Reason::CorrelationReused,
                "this correlation_id belongs to a different request",
            )
            .with("correlation_id", self.id.to_string()));
        }
        parse(&receipt).map(Some).ok_or_else(|| Error::internal("a stored receipt cannot be read"))
    }

    /// Keeps the receipt.
    pub fn remember(&self, project: ProjectId, actor: ActorId, receipt: &Receipt) -> Result<()> {
        let mut stored = receipt.to_json();
        stored["answer"] = receipt.answer.clone().unwrap_or_default();
        store::insert_request(project, self.id, actor, &self.hash, stored)
    }
}

fn parse(receipt: &Value) -> Option<Receipt> {
    let text = |key: &str| receipt.get(key).and_then(Value::as_str).map(str::to_owned);
    let ops: Vec<Outcome> = serde_json::from_value(receipt.get("ops")?.clone()).ok()?;
    let answer = receipt.get("answer").filter(|answer| !answer.is_null()).cloned();
    Some(Receipt {
        seq: receipt.get("seq")?.as_i64().map(Seq)?,
        bundle_id: text("bundle_id"),
        checksum: text("checksum")?,
        ops,
        answer,
        advice: text("advice"),
    })
}
