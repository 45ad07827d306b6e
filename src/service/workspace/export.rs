//! `export_project`: everything in one archive.

use super::store::{self, ExportedContent, History};
use crate::blob::BlobState;
use crate::db;
use crate::definer::definer;
use crate::domain::file::store::files_at;
use crate::domain::{self, asset, entity};
use crate::gate::{self, Action, require_project};
use crate::ids::{ProjectId, Seq};
use crate::service::snapshot::build::{Packed, add_files};
use pgrx::Uuid;
use pgrx::prelude::*;
use quire_core::archive::{Format, Sink, Writer};
use quire_core::asset::Asset;
use quire_core::error::{Code, Error, Result};
use quire_core::export::{
    AssetRecord, BLOBS, DamageRecord, EntityRecord, FILES, FORMAT, FORMAT_VERSION, GoneRecord, Lines,
    PROJECT, README, README_NAME, Whereabouts, add,
};
use quire_core::hash::Hash;
use quire_core::json::{JsonValue, canonical};
use quire_core::key::FieldKey;
use quire_core::label::Label;
use quire_core::mode::Mode;
use quire_core::timestamp::{Micros, rfc3339};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::io;

/// The largest value PostgreSQL has, less its header.
const MAX_BYTES: usize = 0x3fff_ffff - 4;

/// A project with its whole past, as an archive that can be read without quire.
#[pg_extern(stable)]
#[search_path(pg_catalog, pg_temp)]
fn export_project(project_uuid: Option<Uuid>) -> Vec<u8> {
    definer(|| require_project(Action::Manage, project_uuid).and_then(|access| export(access.project)))
}

fn export(project: ProjectId) -> Result<Vec<u8>> {
    let (mut record, seq, at) = store::project(project)?.ok_or_else(|| gate::no_project(project))?;
    record["format"] = FORMAT.into();
    record["format_version"] = FORMAT_VERSION.into();
    let record = serde_json::to_vec_pretty(&record)
        .map_err(|error| Error::internal(format!("no JSON form of a project: {error}")))?;
    let mut archive = Writer::new(Format::Zip, Limited(Vec::new()))?;
    add(&mut archive, README_NAME, README.as_bytes(), at)?;
    add(&mut archive, PROJECT, &record, at)?;
    let mut damaged = Lines::new("damaged", at);
    for history in History::ALL {
        add_history(project, &mut archive, history, seq, at, &mut damaged)?;
    }
    damaged.finish(&mut archive)?;
    let files = files_at(project, seq)?;
    add_entities(&mut archive, &entity::store::fields_at(project, seq)?, at)?;
    add_assets(&mut archive, &asset::store::assets_at(project, seq)?, at)?;
    let contents = store::contents(project, seq)?;
    add_gone(&mut archive, &contents, at)?;
    // What was corrupt and is discarded, or in quarantine, must not keep the rest in.
    let gone: HashSet<Hash> =
        contents.iter().filter(|content| content.gone.is_some()).map(|content| content.hash).collect();
    let files = files.iter().filter_map(Packed::of).filter(|file| !gone.contains(&file.hash));
    let files: Vec<Packed> = files.collect();
    let blobs: Vec<Packed> = contents.iter().filter(|content| content.gone.is_none()).map(packed).collect();
    for (directory, files) in [(FILES, &files), (BLOBS, &blobs)] {
        add_files(project, &mut archive, directory, files).map_err(|error| match error.code() {
            Code::Corrupt => {
                error.hint("verify_project puts what is corrupt into quarantine, and exports leave that out")
            }
            _ => error,
        })?;
    }
    Ok(archive.finish()?.0)
}

fn add_history<W: Sink>(
    project: ProjectId,
    archive: &mut Writer<W>,
    history: History,
    newest: Seq,
    at: Micros,
    damaged: &mut Lines,
) -> Result<()> {
    let mut lines = Lines::new(history.name(), at);
    let mut after = Seq::ZERO;
    loop {
        pgrx::check_for_interrupts!();
        let is_long = history.is_long() && after < newest;
        let up_to = if is_long { store::page_end(project, after, newest)? } else { newest };
        db::in_passing(|| {
            let mut ops = match history {
                History::Operations => forms(project, after, up_to)?,
                _ => HashMap::new(),
            };
            store::lines(project, history, after, up_to, |mut line| {
                if matches!(history, History::Operations) {
                    let (seq, ordinal) = (line["seq"].clone(), line["ordinal"].clone());
                    let place = seq.as_i64().map(Seq).zip(ordinal.as_i64());
                    if let Some(form) = place.and_then(|place| ops.remove(&place)) {
                        line["op"] = form;
                    }
                    if !is_sound(&line) {
                        damaged.push(archive, &DamageRecord { seq, ordinal })?;
                    }
                }
                lines.push(archive, &line)
            })
        })?;
        after = up_to;
        if after >= newest {
            return lines.finish(archive);
        }
    }
}

/// The forms of operations after a seq and up to another, by seq and ordinal, as far as their rows make any.
fn forms(project: ProjectId, after: Seq, up_to: Seq) -> Result<HashMap<(Seq, i64), Value>> {
    let logged = domain::logged(project, after, up_to)?;
    let ops = logged.into_iter().filter_map(|(seq, stored)| Some(((seq, stored.ordinal.into()), stored.op?)));
    ops.map(|(place, op)| Ok((place, op.form()?))).collect()
}

/// Whether an operation matches its checksum. One that does not must not keep the rest in.
fn is_sound(line: &Value) -> bool {
    canonical(&line["op"]).is_ok_and(|op| line["checksum"].as_str() == Some(&Hash::of(&op).to_hex()))
}

fn add_entities<W: Sink>(
    archive: &mut Writer<W>,
    fields: &[(FieldKey, JsonValue)],
    at: Micros,
) -> Result<()> {
    let mut lines = Lines::new("entities", at);
    for of_one in fields.chunk_by(|(a, _), (b, _)| a.entity == b.entity) {
        let Some((FieldKey { entity, .. }, _)) = of_one.first() else { continue };
        let fields = of_one.iter().map(|(key, value)| Ok((key.field.clone(), value.to_value()?)));
        let record = EntityRecord {
            entity_type: entity.entity_type.clone(),
            entity_id: entity.entity_id.clone(),
            fields: fields.collect::<Result<Map<String, Value>>>()?,
        };
        lines.push(archive, &record)?;
    }
    lines.finish(archive)
}

fn add_assets<W: Sink>(archive: &mut Writer<W>, assets: &[(Hash, Asset)], at: Micros) -> Result<()> {
    let mut lines = Lines::new("assets", at);
    for (hash, Asset { label, size, .. }) in assets {
        let Label { filename, media_type, asset_type } = label.clone();
        let record = AssetRecord { content_hash: *hash, filename, media_type, asset_type, size: *size };
        lines.push(archive, &record)?;
    }
    lines.finish(archive)
}

fn add_gone<W: Sink>(archive: &mut Writer<W>, contents: &[ExportedContent], at: Micros) -> Result<()> {
    let mut lines = Lines::new("gone", at);
    for ExportedContent { hash, size, is_binary, gone, .. } in contents {
        let Some(gone) = gone else { continue };
        let state = match gone.state {
            BlobState::Present => continue,
            BlobState::Archived => Whereabouts::Archived,
            // What is corrupt is not here either.
            BlobState::Collected | BlobState::Quarantined => Whereabouts::Collected,
        };
        let why = match gone.state {
            BlobState::Quarantined => Some("it was corrupt, and in quarantine".to_owned()),
            _ => gone.why.clone(),
        };
        lines.push(
            archive,
            &GoneRecord {
                content_hash: *hash,
                size: *size,
                is_binary: *is_binary,
                state,
                when: gone.at.map(rfc3339),
                why,
            },
        )?;
    }
    lines.finish(archive)
}

fn packed(content: &ExportedContent) -> Packed<'static> {
    Packed {
        path: content.hash.to_hex().into(),
        hash: content.hash,
        mode: Mode::Regular,
        size: content.size,
        modified_at: content.at,
    }
}

/// Bytes that become one value.
struct Limited(Vec<u8>);

impl Sink for Limited {}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::Error::other(
                Error::limit("the export is larger than one value can be", MAX_BYTES).hint(
                    "pg_dump has everything, create_project_snapshot the files of one state, in chunks",
                ),
            ));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
