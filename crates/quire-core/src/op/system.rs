//! Operations that quire makes itself. They change no content.

use super::{hash_member, hex};
use crate::error::Result;
use crate::hash::Hash;
use crate::id::{Seq, SnapshotId};
use crate::json::Members;
use serde::Serialize;

/// An operation that changes no content.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "op")]
pub enum SystemOp {
    /// A snapshot can be downloaded.
    #[serde(rename = "snapshot.ready")]
    SnapshotReady {
        /// Which.
        snapshot_id: SnapshotId,
        /// The last bundle whose files it holds.
        seq: Seq,
        /// Set in a delta: the bundle it builds on.
        #[serde(skip_serializing_if = "Option::is_none")]
        since_seq: Option<Seq>,
        /// `zip` or `tar.zst`.
        format: String,
        /// Bytes of the archive.
        size: i64,
        /// BLAKE3 of the archive.
        #[serde(serialize_with = "hex")]
        content_hash: Hash,
        /// Files in it.
        file_count: i64,
    },
}

impl SystemOp {
    /// What they are called, in the order of the kinds above.
    pub const NAMES: [&str; 1] = ["snapshot.ready"];

    /// The `op` member.
    pub const fn name(&self) -> &'static str {
        match self {
            SystemOp::SnapshotReady { .. } => Self::NAMES[0],
        }
    }

    /// From its members; `None` when the name is none of these.
    pub(super) fn parse(name: &str, members: &mut Members) -> Result<Option<Self>> {
        Ok(Some(match name {
            "snapshot.ready" => SystemOp::SnapshotReady {
                snapshot_id: members.uuid("snapshot_id")?,
                seq: members.seq("seq")?,
                since_seq: members.opt_seq("since_seq")?,
                format: members.str("format")?.to_owned(),
                size: members.i64("size")?,
                content_hash: hash_member(members, "content_hash")?,
                file_count: members.i64("file_count")?,
            },
            _ => return Ok(None),
        }))
    }
}
