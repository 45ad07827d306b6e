//! The rate limit of a project, per actor. Runs under the head lock, so one bucket has one writer.

use super::store;
use crate::db::clock::now;
use crate::ids::{ActorId, ProjectId};
use quire_core::bucket::{self, RateLimit};
use quire_core::error::{Code, Error, Result};

/// Takes one write from the actor's bucket, or PT429.
pub fn check(project: ProjectId, actor: ActorId, limit: RateLimit) -> Result<()> {
    let now = now();
    let before = store::bucket(project, actor)?;
    let elapsed = before.map_or(0, |(_, at)| now - at);
    match bucket::take(limit, before.map(|(tokens, _)| tokens), elapsed) {
        Ok(tokens) => store::set_bucket(project, actor, tokens, now),
        Err(retry_after_ms) => Err(Error::new(Code::RateLimit, "too many writes")
            .with("retry_after_ms", retry_after_ms)
            .with("per_minute", limit.per_minute)
            .with("burst", limit.burst)),
    }
}
