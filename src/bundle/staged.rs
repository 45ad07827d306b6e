//! Operations as they arrive in JSON, on their way to a plan.

use super::{Domain, Plan};
use crate::args::file_type_arg;
use crate::domain::{asset, entity};
use crate::gate::Access;
use crate::ids::ProjectId;
use crate::jsonb::Items;
use crate::{blob, guc};
use quire_core::asset::AssetEdit;
use quire_core::error::{Error, Result};
use quire_core::field::FieldEdit;
use quire_core::interrupt;
use quire_core::json::{Members, decode_base64};
use quire_core::op::Mode;
use quire_core::path::{FilePath, shorten};
use quire_core::tree::{Content, Edit};
use serde_json::{Value, json};

/// The items of a JSON array of 1 to `quire.max_bundle_ops` items, each with what it is called in errors.
pub fn items(
    what: &'static str,
    items: Items,
) -> Result<impl ExactSizeIterator<Item = Result<(String, Value)>>> {
    check_count(what, items.len())?;
    Ok(items.enumerate().map(move |(at, item)| Ok((format!("{what}[{at}]"), item?))))
}

/// Refuses nothing to do (22023) and too much (PT413), before any work is done for it.
pub fn check_count(what: &str, count: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::validation(format!("{what} must not be empty")).with("argument", what));
    }
    let most = guc::max_bundle_ops();
    if count > most {
        return Err(Error::limit(format!("{what} has {count} items"), most)
            .with("argument", what)
            .hint("split it into several bundles"));
    }
    Ok(())
}

/// Every operation `commit_bundle` takes.
const KNOWN_OPS: [&str; 8] = [
    "file.put",
    "file.delete",
    "file.move",
    "field.set",
    "field.unset",
    "entity.delete",
    "asset.put",
    "asset.delete",
];

/// Edits with their content, on the way to a plan.
#[derive(Default)]
pub struct Staged {
    edits: Vec<Edit>,
    fields: Vec<FieldEdit>,
    assets: Vec<AssetEdit>,
    order: Vec<Domain>,
    contents: Vec<(Content, Vec<u8>)>,
}

impl Staged {
    /// Adds one operation of `commit_bundle`.
    pub fn push_op(&mut self, access: &Access, mut members: Members) -> Result<()> {
        match members.str("op")? {
            "file.put" => self.push_put(access, members),
            "file.delete" => {
                let path = FilePath::parse(members.str("file_path")?)?;
                let expected_version = members.opt_i32("expected_version")?;
                self.push_edit(Edit::Delete { path, expected_version });
                members.finish()
            }
            "file.move" => {
                let from = FilePath::parse(members.str("from_path")?)?;
                let to = FilePath::parse(members.str("to_path")?)?;
                let expected_version = members.opt_i32("expected_version")?;
                self.push_edit(Edit::Move { from, to, expected_version });
                members.finish()
            }
            op @ ("field.set" | "field.unset" | "entity.delete") => {
                self.fields.push(entity::edit(op, members)?);
                self.order.push(Domain::Field);
                Ok(())
            }
            op @ ("asset.put" | "asset.delete") => {
                let (edit, content) = asset::edit(access, op, members)?;
                self.contents.extend(content);
                self.assets.push(edit);
                self.order.push(Domain::Asset);
                Ok(())
            }
            unknown => Err(Error::validation(format!("unknown op {:?}", shorten(unknown)))
                .with("op", shorten(unknown))
                .with("known", json!(KNOWN_OPS))),
        }
    }

    /// Adds one `{file_path, content | content_base64, file_type?, mode?, expected_version?}`.
    pub fn push_put(&mut self, access: &Access, mut members: Members) -> Result<()> {
        let path = FilePath::parse(members.str("file_path")?)?;
        let file_type = file_type_arg(members.opt_str("file_type")?)?;
        let mode = members.opt_str("mode")?.map(Mode::parse).transpose()?;
        let expected_version = members.opt_i32("expected_version")?;
        let bytes = match (members.opt_str("content")?, members.opt_str("content_base64")?) {
            (Some(text), None) => {
                interrupt::room(text.len())?;
                text.as_bytes().to_vec()
            }
            (None, Some(base64)) => {
                interrupt::room(base64.len())?;
                decode_base64(base64).map_err(|error| error.with("file_path", path.as_str()))?
            }
            _ => {
                return Err(Error::validation("a file needs either content or content_base64")
                    .with("file_path", path.as_str()));
            }
        };
        members.finish()?;
        let content = blob::describe(access, path.as_str(), &bytes)?;
        self.contents.push((content.clone(), bytes));
        self.push_edit(Edit::Put { path, file_type, mode, content, expected_version });
        Ok(())
    }

    fn push_edit(&mut self, edit: Edit) {
        self.edits.push(edit);
        self.order.push(Domain::File);
    }

    /// Adds a deletion.
    pub fn push_delete(&mut self, path: FilePath) {
        self.push_edit(Edit::Delete { path, expected_version: None });
    }

    /// Refuses a path that occurs twice (PT409).
    pub fn refuse_duplicates(&self) -> Result<()> {
        let mut seen = std::collections::HashSet::with_capacity(self.edits.len());
        match self.edits.iter().flat_map(Edit::paths).find(|path| !seen.insert(*path)) {
            None => Ok(()),
            Some(path) => Err(Error::conflict("duplicate_path", format!("{path} occurs twice"))
                .with("file_path", path.as_str())),
        }
    }

    /// What identifies these edits in a repeated request.
    pub fn fingerprint(&self) -> Value {
        let files = self.edits.iter().map(|edit| match edit {
            Edit::Put { path, file_type, mode, content, expected_version } => {
                json!(["put", path.as_str(), file_type, mode, content.hash.to_hex(), expected_version])
            }
            Edit::Delete { path, expected_version } => json!(["delete", path.as_str(), expected_version]),
            Edit::Move { from, to, expected_version } => {
                json!(["move", from.as_str(), to.as_str(), expected_version])
            }
        });
        let fields = self.fields.iter().map(|edit| match edit {
            FieldEdit::Write { key, value, base_seq, .. } => {
                json!(["write", key.entity.entity_type, key.entity.entity_id, key.field, value, base_seq])
            }
            FieldEdit::Delete { entity, base_seq } => {
                json!(["delete", entity.entity_type, entity.entity_id, base_seq])
            }
        });
        let assets = self.assets.iter().map(|edit| match edit {
            AssetEdit::Put { hash, label, .. } => {
                json!(["keep", hash.to_hex(), label.filename, label.media_type, label.asset_type])
            }
            AssetEdit::Delete { hash, reason } => json!(["drop", hash.to_hex(), reason]),
        });
        files.chain(fields).chain(assets).collect()
    }

    /// Compresses the content that the project does not have.
    pub fn plan(&self, project: ProjectId) -> Result<Plan> {
        let contents: Vec<(&Content, &[u8])> =
            self.contents.iter().map(|(content, bytes)| (content, bytes.as_slice())).collect();
        let blobs = blob::prepare(project, &contents)?;
        let Self { edits, fields, assets, order, .. } = self;
        let (edits, fields) = (edits.clone(), fields.clone());
        let (assets, order) = (assets.clone(), order.clone());
        Ok(Plan { edits, fields, assets, order, blobs, ..Plan::default() })
    }
}
