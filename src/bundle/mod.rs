//! Bundles: the only way anything in a project changes.
//!
//! Owns: `bundle`, `request`, `rate_bucket`, the seq and checksum of `project_head`.
//! Promises: seqs are gapless and in commit order; a bundle is atomic, attributed and chained to the one before; a
//! repeated correlation id changes nothing.
//! Does not: know what an operation means; each domain's store applies its own.

mod api;
mod bound;
mod check;
pub mod commit;
pub mod inspect;
mod rate;
mod request;
pub mod staged;
pub mod store;

pub use commit::{Commit, Committed, PeerOrigin, Plan, commit};
pub use request::correlated;

use crate::db::early_release;
use crate::gate::Access;
use crate::ids::Seq;
use crate::log::queue;
use quire_core::asset::AssetOutcome;
use quire_core::error::{Error, Result};
use quire_core::op::{Edit, Outcome};
use quire_core::text::shorten;
use quire_core::tree::FileOutcome;
use serde_json::{Value, json};

/// Has PostgreSQL tell when transactions end. Called once, from `_PG_init`.
pub fn init() {
    queue::init();
    early_release::init();
}

/// Operations above which a receipt advises smaller bundles.
const ADVISABLE_OPS: usize = 1_000;

/// Why a bundle was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Somebody edited.
    UserEdit,
    /// A job produced it.
    JobOutput,
    /// It came from elsewhere.
    Import,
    /// It settles a conflict.
    MergeResolution,
    /// It takes back one of its author's bundles.
    Undo,
    /// It takes back such an undo.
    Redo,
    /// It brings an older state back.
    Rollback,
    /// quire made it itself; no file changes.
    System,
}

impl Kind {
    /// The kinds a caller may give; the others are made by functions of their own.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "user_edit" => Ok(Kind::UserEdit),
            "job_output" => Ok(Kind::JobOutput),
            "import" => Ok(Kind::Import),
            "merge_resolution" => Ok(Kind::MergeResolution),
            _ => Err(Error::validation("kind must be user_edit, job_output, import or merge_resolution")
                .with("kind", shorten(text))),
        }
    }

    /// Every kind of bundle that changes content, as a stored word.
    pub fn parse_any(text: &str) -> Result<Self> {
        match text {
            "undo" => Ok(Kind::Undo),
            "redo" => Ok(Kind::Redo),
            "rollback" => Ok(Kind::Rollback),
            other => Self::parse(other),
        }
    }

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::UserEdit => "user_edit",
            Kind::JobOutput => "job_output",
            Kind::Import => "import",
            Kind::MergeResolution => "merge_resolution",
            Kind::Undo => "undo",
            Kind::Redo => "redo",
            Kind::Rollback => "rollback",
            Kind::System => "system",
        }
    }
}

/// Commits one edit that says all that its request asks, but for the message.
pub fn commit_edit(
    access: &Access,
    edit: Edit,
    function: &str,
    message: Option<String>,
    correlation_id: Option<pgrx::Uuid>,
) -> Result<Committed> {
    let correlation = correlated(correlation_id, function, || json!([edit.fingerprint(), message]))?;
    let request = Commit { message, ..Commit::new(access, Kind::UserEdit, correlation) };
    commit(&request, |_| Ok(Plan { edits: vec![edit], ..Plan::default() }))
}

/// Why a bundle of so many operations had better been several. A job's cannot be, nor can a copy, an undo or a restore: they
/// are one or none. What was made elsewhere is what it is.
fn advice(kind: Kind, ops: usize) -> Option<String> {
    (ops > ADVISABLE_OPS && matches!(kind, Kind::UserEdit | Kind::MergeResolution)).then(|| {
        format!(
            "a bundle of {ops} operations holds the project's lock for long and is one event; up to {ADVISABLE_OPS} are advisable"
        )
    })
}

/// The answer of a writer. Without a bundle (nothing changed), `seq` is that of the project.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Seq of the bundle.
    pub seq: Seq,
    /// Its id, unless nothing changed.
    pub bundle_id: Option<String>,
    /// Checksum of the log up to `seq`.
    pub checksum: String,
    /// One for each operation.
    pub ops: Vec<Outcome>,
    /// What the plan had to say besides, for its function to tell again.
    pub answer: Option<Value>,
    /// Why this bundle had better been several.
    pub advice: Option<String>,
}

impl Receipt {
    /// What became of the operations on files.
    pub fn files(&self) -> impl Iterator<Item = &FileOutcome> {
        self.ops.iter().filter_map(Outcome::file)
    }

    /// What became of the operations on assets.
    pub fn assets(&self) -> impl Iterator<Item = &AssetOutcome> {
        self.ops.iter().filter_map(Outcome::asset)
    }

    /// `{seq, bundle_id, checksum, ops: [...]}`, and `advice` when there is some.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "seq": self.seq, "bundle_id": self.bundle_id, "checksum": self.checksum, "ops": self.ops
        });
        if let Some(advice) = &self.advice {
            json["advice"] = advice.as_str().into();
        }
        json
    }
}
