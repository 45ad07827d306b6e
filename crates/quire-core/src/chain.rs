//! The checksum chain of a project's bundles.
//!
//! `checksum = BLAKE3(previous checksum || header || op checksums)`: 32 bytes of the bundle before (zeros for the
//! first), the RFC 8785 form of the header, and 32 bytes per operation in order. Any client can recompute it.

use crate::error::Result;
use crate::hash::Hash;
use crate::id::{ActorId, BundleId, CorrelationId, ProjectId, Seq};
use crate::json::canonical;
use serde::{Deserialize, Serialize};

/// What a bundle says about itself besides its operations.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleHeader {
    /// Project.
    pub project_id: ProjectId,
    /// Position in the project's log.
    pub seq: Seq,
    /// Identity of the bundle.
    pub bundle_id: BundleId,
    /// `user_edit`, `import`, ...
    pub kind: String,
    /// Who.
    pub actor_id: ActorId,
    /// Why.
    pub message: Option<String>,
    /// Request this bundle answers.
    pub correlation_id: Option<CorrelationId>,
    /// What the author had seen.
    pub base_seq: Option<Seq>,
    /// The bundle this one takes back; not in the form when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes_seq: Option<Seq>,
    /// When, in microseconds since 1970-01-01 00:00 UTC.
    pub committed_at: i64,
}

/// The checksum of a bundle.
pub fn checksum(previous: &Hash, header: &BundleHeader, ops: &[Hash]) -> Result<Hash> {
    let header = canonical(header)?;
    let parts = [&previous.as_bytes()[..], &header];
    Ok(Hash::of_parts(parts.into_iter().chain(ops.iter().map(|op| &op.as_bytes()[..]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> BundleHeader {
        BundleHeader {
            project_id: ProjectId::default(),
            seq: Seq::FIRST,
            bundle_id: BundleId::default(),
            kind: "user_edit".into(),
            actor_id: ActorId::SYSTEM,
            message: None,
            correlation_id: None,
            base_seq: None,
            undoes_seq: None,
            committed_at: 1_700_000_000_123_456,
        }
    }

    #[test]
    fn every_part_counts() {
        let op = Hash::of(b"op");
        let base = checksum(&Hash::ZERO, &header(), &[op]).expect("checksum");
        assert_eq!(base, checksum(&Hash::ZERO, &header(), &[op]).expect("checksum"));
        assert_ne!(base, checksum(&op, &header(), &[op]).expect("checksum"));
        assert_ne!(base, checksum(&Hash::ZERO, &header(), &[op, op]).expect("checksum"));
        let other = BundleHeader { message: Some(String::new()), ..header() };
        assert_ne!(base, checksum(&Hash::ZERO, &other, &[op]).expect("checksum"));
    }
}
