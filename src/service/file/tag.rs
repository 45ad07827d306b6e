//! Tags: names for seqs.

use crate::args::name_arg;
use crate::bundle::{Commit, Kind, Plan, commit, correlated};
use crate::definer::definer;
use crate::gate::require_writer;
use crate::ids::{Pg, Seq};
use crate::log::point::existing_seq;
use crate::log::store::{self, touch};
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::error::{Error, Result};
use quire_core::reason::Reason;
use serde_json::json;

/// Names a seq; the newest when none is given.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn tag_project(
    project_uuid: Option<Uuid>,
    tag: Option<&str>,
    at_seq: default!(Option<i64>, "NULL"),
    correlation_id: default!(Option<Uuid>, "NULL"),
) -> i64 {
    definer(|| create(project_uuid, tag, at_seq.map(Seq), correlation_id)).pg()
}

fn create(
    project_uuid: Option<Uuid>,
    tag: Option<&str>,
    at_seq: Option<Seq>,
    correlation_id: Option<Uuid>,
) -> Result<Seq> {
    let access = require_writer(project_uuid)?;
    let tag = name_arg("tag", tag, 255)?;
    let by = access.author()?;
    let correlation = correlated(correlation_id, "tag_project", || json!([tag, at_seq]))?;
    let request = Commit::new(&access, Kind::UserEdit, correlation);
    // A tag is a name, not a change: it takes the write path for its lock and its checks, and makes no bundle.
    commit(&request, |head| {
        let seq = at_seq.map_or(Ok(head.seq), |seq| existing_seq(access.project, "at_seq", seq))?;
        if store::insert_tag(access.project, tag, seq, by)? {
            touch(access.project)?;
        } else if store::tag_seq(access.project, tag)? != Some(seq) {
            return Err(Error::conflict(Reason::Duplicate, "a tag of this name exists at another seq")
                .with("tag", tag));
        }
        Ok(Plan::default())
    })?;
    store::tag_seq(access.project, tag)?.ok_or_else(|| Error::internal("a tag vanished"))
}
