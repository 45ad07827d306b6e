//! `verify_project`, `replay_project`, `list_quarantine`, `repair`, `discard_quarantined`.

use super::audit::{self, Depth};
use super::{repair as row, replay};
use crate::args::{required, text_arg};
use crate::definer::definer;
use crate::domain;
use crate::gate::{Access, Action, require_project};
use crate::ids::{Pg, QuarantineId, Seq};
use crate::jsonb::JsonArg;
use crate::log;
use crate::log::quarantine::store::{self, QuarantineEntry};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use quire_core::error::{Error, Result};
use quire_core::quarantine::RowKind;
use quire_core::reason::Reason;
use serde_json::{Value, json};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 1000;

/// Checks everything that is stored against its checksums and records what is wrong.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn verify_project(project_uuid: Option<Uuid>, depth: default!(Option<&str>, "'content'")) -> JsonB {
    definer(|| {
        require_project(Action::Manage, project_uuid).and_then(|access| {
            let depth = Depth::parse(required("depth", depth)?)?;
            audit::verify(&access, depth).map(JsonB)
        })
    })
}

/// Makes the state anew from the operations alone and compares.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn replay_project(project_uuid: Option<Uuid>, to_seq: default!(Option<i64>, "NULL")) -> JsonB {
    definer(|| {
        require_project(Action::Belong, project_uuid)
            .and_then(|access| replay::replay(access.project, to_seq.map(Seq)).map(JsonB))
    })
}

/// What is in quarantine, oldest first.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn list_quarantine(
    project_uuid: Option<Uuid>,
    include_ended: default!(Option<bool>, "false"),
) -> TableIterator<
    'static,
    (
        name!(quarantine_id, Uuid),
        name!(kind, String),
        name!(key, JsonB),
        name!(fault, String),
        name!(description, String),
        name!(expected, Option<String>),
        name!(status, String),
        name!(found_at, TimestampWithTimeZone),
        name!(ended_at, Option<TimestampWithTimeZone>),
        name!(ended_by, Option<Uuid>),
        name!(reason, Option<String>),
    ),
> {
    TableIterator::new(definer(|| {
        require_project(Action::Belong, project_uuid)
            .and_then(|access| store::list(access.project, required("include_ended", include_ended)?))
    }))
}

/// Repairs a row in quarantine.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn repair(
    project_uuid: Option<Uuid>,
    quarantine_id: Option<Uuid>,
    supply: default!(Option<JsonArg>, "NULL"),
) -> JsonB {
    definer(|| repaired(project_uuid, quarantine_id, supply))
}

fn repaired(
    project_uuid: Option<Uuid>,
    quarantine_id: Option<Uuid>,
    supply: Option<JsonArg>,
) -> Result<JsonB> {
    let access = require_project(Action::Manage, project_uuid)?;
    let entry = open_entry(&access, quarantine_id)?;
    let supply = supply.map(|supply| supply.exact("supply")).transpose()?;
    let from = row::repair(&access, &entry, supply.as_ref())?;
    store::end_entry(access.project, entry.id, "repaired", access.author()?, None)?;
    Ok(answer(&entry, json!({"status": "repaired", "repaired_from": from})))
}

/// Discards a row in quarantine.
#[pg_extern]
#[search_path(pg_catalog, pg_temp)]
fn discard_quarantined(
    project_uuid: Option<Uuid>,
    quarantine_id: Option<Uuid>,
    reason: Option<&str>,
) -> JsonB {
    definer(|| discarded(project_uuid, quarantine_id, reason))
}

fn discarded(project_uuid: Option<Uuid>, quarantine_id: Option<Uuid>, reason: Option<&str>) -> Result<JsonB> {
    let access = require_project(Action::Manage, project_uuid)?;
    let entry = open_entry(&access, quarantine_id)?;
    let reason = text_arg("reason", reason, LONGEST_REASON)?;
    store::end_entry(access.project, entry.id, store::DISCARDED, access.author()?, Some(reason))?;
    if let (RowKind::Blob, Some(hash)) = (entry.kind, &entry.expected) {
        let why = format!("discarded: {reason}");
        let size = domain::size_of(access.project, hash)?;
        super::store::discard_blob(access.project, hash, size, &why)?;
    }
    Ok(answer(&entry, json!({"status": "discarded"})))
}

/// An entry that is open, locked, and with it the head: nobody writes what is being repaired.
fn open_entry(access: &Access, quarantine_id: Option<Uuid>) -> Result<QuarantineEntry> {
    let id = QuarantineId::from_pg(required("quarantine_id", quarantine_id)?);
    log::lock_head(access)?;
    let entry = store::lock_entry(access.project, id)?.ok_or_else(|| {
        Error::not_found("nothing in quarantine has this id").with("quarantine_id", id.to_string())
    })?;
    if entry.status == "open" {
        Ok(entry)
    } else {
        let status = if entry.status == store::DISCARDED { "discarded" } else { &entry.status };
        Err(Error::conflict(Reason::AlreadyEnded, format!("this was {status} before"))
            .with("quarantine_id", id.to_string())
            .with("status", status))
    }
}

fn answer(entry: &QuarantineEntry, mut more: Value) -> JsonB {
    more["quarantine_id"] = entry.id.to_string().into();
    more["kind"] = entry.kind.as_str().into();
    more["key"] = entry.key.clone();
    JsonB(more)
}
