//! Toys: texts by their names. The smallest things that operations can be about, by which the tests try what a new domain takes.

use super::{Change, State};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::json::{Members, canonical};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longest name and text, in bytes.
const MAX_BYTES: usize = 255;

/// The event of a bundle that changes nothing but toys.
pub const TOY_UPDATE: &str = "toy:update";

/// An operation on a toy.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "op")]
pub enum ToyOp {
    /// A toy gets a text.
    #[serde(rename = "toy.set")]
    Set {
        /// Which.
        toy: String,
        /// What it says then.
        text: String,
    },
    /// A toy goes away.
    #[serde(rename = "toy.unset")]
    Unset {
        /// Which.
        toy: String,
    },
}

impl ToyOp {
    /// What they are called, in the order of the kinds above.
    pub const NAMES: [&str; 2] = ["toy.set", "toy.unset"];

    /// The `op` member.
    pub const fn name(&self) -> &'static str {
        match self {
            ToyOp::Set { .. } => Self::NAMES[0],
            ToyOp::Unset { .. } => Self::NAMES[1],
        }
    }

    /// From its members; `None` when the name is none of a toy's.
    pub fn parse(name: &str, members: &mut Members) -> Result<Option<Self>> {
        if !Self::NAMES.contains(&name) {
            return Ok(None);
        }
        let toy = short("toy", members.str("toy")?)?;
        Ok(Some(match name {
            "toy.set" => ToyOp::Set { toy, text: short("text", members.str("text")?)? },
            _ => ToyOp::Unset { toy },
        }))
    }

    /// The operation that gives a toy a text, or takes it away.
    pub fn making(toy: &str, text: Option<&String>) -> Self {
        let toy = toy.to_owned();
        match text.cloned() {
            Some(text) => ToyOp::Set { toy, text },
            None => ToyOp::Unset { toy },
        }
    }

    /// Which toy.
    pub fn toy(&self) -> &str {
        match self {
            ToyOp::Set { toy, .. } | ToyOp::Unset { toy } => toy,
        }
    }

    /// What it says then.
    pub const fn text(&self) -> Option<&String> {
        match self {
            ToyOp::Set { text, .. } => Some(text),
            ToyOp::Unset { .. } => None,
        }
    }

    /// BLAKE3 of the canonical form.
    pub fn checksum(&self) -> Result<Hash> {
        Ok(Hash::of(&canonical(self)?))
    }

    /// What it does.
    pub(super) fn change(&self) -> Change {
        Change::Toy(self.toy().to_owned(), self.text().cloned())
    }

    pub(super) fn describe(&self) -> String {
        let verb = if self.text().is_some() { "set" } else { "delete" };
        format!("{verb} toy {}", self.toy())
    }

    pub(super) fn apply(&self, state: &mut State) -> std::result::Result<(), String> {
        match self.text() {
            Some(text) => {
                state.toys.insert(self.toy().to_owned(), text.clone());
            }
            None => {
                let gone = || format!("toy {} is deleted and was not there", self.toy());
                state.toys.remove(self.toy()).ok_or_else(gone)?;
            }
        }
        Ok(())
    }
}

fn short(member: &str, text: &str) -> Result<String> {
    if text.is_empty() || text.len() > MAX_BYTES {
        return Err(Error::validation(format!("{member} must have 1 to {MAX_BYTES} bytes")));
    }
    Ok(text.to_owned())
}

/// What a caller wants done: the operation that does it.
#[derive(Clone, PartialEq, Debug)]
pub struct ToyEdit(pub ToyOp);

impl ToyEdit {
    /// The operation asked for, and the members that say what it is about.
    pub(super) fn outline(&self) -> (&'static str, Value) {
        (self.0.name(), json!({"toy": self.0.toy()}))
    }

    /// What identifies it in a repeated request.
    pub(super) fn fingerprint(&self) -> Value {
        json!([self.0.name(), self.0.toy(), self.0.text()])
    }
}

/// What became of one edit, as the receipt tells it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ToyOutcome {
    /// `toy.set` or `toy.unset`.
    pub op: Cow<'static, str>,
    /// Which toy.
    pub toy: String,
    /// `unchanged` or `changed`.
    pub status: Cow<'static, str>,
}

/// The result of [`apply`].
#[derive(Debug, Default)]
pub struct Applied {
    /// The operations that change something, in order.
    pub ops: Vec<ToyOp>,
    /// Their checksums.
    pub op_checksums: Vec<Hash>,
    /// One for each edit.
    pub outcomes: Vec<ToyOutcome>,
}

/// Applies edits to toys, which afterwards hold the new state.
pub fn apply(toys: &mut BTreeMap<String, String>, edits: Vec<ToyEdit>) -> Result<Applied> {
    let mut applied = Applied::default();
    for ToyEdit(op) in edits {
        let before = toys.get(op.toy());
        if before.is_none() && op.text().is_none() {
            return Err(Error::not_found(format!("no toy {}", op.toy())).with("toy", op.toy()));
        }
        let status = if before == op.text() { "unchanged" } else { "changed" };
        let (name, toy) = (op.name().into(), op.toy().to_owned());
        applied.outcomes.push(ToyOutcome { op: name, toy: toy.clone(), status: status.into() });
        if status == "changed" {
            match op.text().cloned() {
                Some(text) => toys.insert(toy, text),
                None => toys.remove(&toy),
            };
            applied.op_checksums.push(op.checksum()?);
            applied.ops.push(op);
        }
    }
    Ok(applied)
}
