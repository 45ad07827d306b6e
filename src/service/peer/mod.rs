//! Exchange of bundles with other databases that hold the same project.
//!
//! Owns: `peer`, `peer_actor`, `peer_bundle`, `peer_stamp`.
//! Promises: a bundle is applied once, whole, and only with sound checksums; what is corrupt here is not handed on; two
//! databases that have each other's bundles show the same files and fields; what came from a peer says so, and what a peer says of
//! people is shown in its project alone.
//! Does not: connect to anybody; a program carries what `sync_pull` gives to the other side's `sync_push`.

mod api;
mod apply;
mod follow;
mod pull;
mod push;
mod repair;
mod store;

use crate::ids::{BundleId, ProjectId, Seq};
use quire_core::error::Result;

/// Our seq of a bundle, if we have it: it came from elsewhere, or was made here as this seq.
fn known_as(project: ProjectId, bundle: BundleId, made_as: Option<Seq>) -> Result<Option<Seq>> {
    if let Some(seq) = store::imported(project, bundle)? {
        return Ok(Some(seq));
    }
    let Some(seq) = made_as else { return Ok(None) };
    Ok(store::bundle_id(project, seq)?.filter(|own| *own == bundle).map(|_| seq))
}
