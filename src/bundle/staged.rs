//! Operations as they arrive in JSON, on their way to a plan.

use super::Plan;
use crate::domain::DOMAINS;
use crate::domain::interface::Brought;
use crate::gate::Access;
use crate::ids::ProjectId;
use crate::jsonb::Items;
use crate::{blob, guc};
use quire_core::error::{Error, Result};
use quire_core::json::Members;
use quire_core::op::{Edit, Op};
use quire_core::text::shorten;
use quire_core::tree::Content;
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

/// Edits with their content, on the way to a plan.
#[derive(Default)]
pub struct Staged {
    edits: Vec<Edit>,
    contents: Vec<Brought>,
}

impl Staged {
    /// Adds one operation of `commit_bundle`.
    pub fn push_op(&mut self, access: &Access, mut members: Members) -> Result<()> {
        let op = members.str("op")?;
        let domain = DOMAINS.iter().find(|domain| domain.ops().contains(&op)).ok_or_else(|| {
            Error::validation(format!("unknown op {:?}", shorten(op)))
                .with("op", shorten(op))
                .with("known", json!(Op::names().collect::<Vec<_>>()))
        })?;
        let (edit, brought) = domain.stage(access, op, members).map_err(Error::of_member)?;
        self.push(edit, brought);
        Ok(())
    }

    /// Adds an edit, and the content it brings.
    pub fn push(&mut self, edit: Edit, brought: Option<Brought>) {
        self.edits.push(edit);
        self.contents.extend(brought);
    }

    /// What is to be done.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// What identifies these edits in a repeated request, in the order of domains.
    pub fn fingerprint(&self) -> Value {
        let mut edits: Vec<&Edit> = self.edits.iter().collect();
        edits.sort_by_key(|edit| edit.topic());
        edits.into_iter().map(Edit::fingerprint).collect()
    }

    /// Compresses the content that the project does not have.
    pub fn plan(&self, project: ProjectId) -> Result<Plan> {
        let contents: Vec<(&Content, &[u8])> =
            self.contents.iter().map(|(content, bytes)| (content, bytes.as_slice())).collect();
        let blobs = blob::prepare(project, &contents)?;
        Ok(Plan { edits: self.edits.clone(), blobs, ..Plan::default() })
    }
}
