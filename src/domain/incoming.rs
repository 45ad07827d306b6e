//! A bundle that came from a peer, on its way into the plan: thing by thing, the write with the greater stamp decides.

use crate::gate::Access;
use crate::ids::{ActorId, Seq};
use crate::log::LockedHead;
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::op::Edit;
use quire_core::peer::{Bundle, SentOp, Stamp};
use quire_core::tree::Content;
use std::collections::{HashMap, HashSet};

/// What came.
pub struct Incoming<'a> {
    pub access: &'a Access,
    /// Where the log here ends.
    pub head: &'a LockedHead,
    pub bundle: &'a Bundle,
    /// Who made it, as it is attributed here.
    pub author: ActorId,
    /// Contents that came, described.
    pub contents: HashMap<Hash, Content>,
    /// Contents that it names and that are here.
    pub existing: HashSet<Hash>,
}

/// The writes that decided what things are.
pub struct Stamps {
    /// By the bundle here that made them so.
    pub made: HashMap<Seq, Stamp>,
    /// By their names: later ones that found them so.
    pub seen: HashMap<String, Stamp>,
}

impl Stamps {
    /// The one that decided what a thing is: the one that made it so, or a later one that found it so.
    pub fn of(&self, seq: Option<Seq>, name: &str) -> Option<Stamp> {
        let made = seq.and_then(|seq| self.made.get(&seq));
        made.max(self.seen.get(name)).copied()
    }
}

/// What is reported of a bundle.
pub struct Report {
    /// What was in conflict, or could not be done; for people.
    pub reasons: Vec<String>,
    /// Every operation is applied as it came.
    pub is_verbatim: bool,
}

/// What a bundle does to the things of a domain.
pub trait Arrival {
    /// The bundles here that made these things what they are; none where nobody decides.
    fn seqs(&self) -> Vec<Seq> {
        Vec::new()
    }

    /// Names under which it is kept who decided what a thing is, though the thing was so already.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Judges what an operation writes, and plans what wins.
    fn apply(&mut self, sent: &SentOp, stamps: &Stamps, report: &mut Report) -> Result<()>;

    /// After all operations: leaves out what cannot be, and keeps conflicts.
    fn finish(&mut self, _report: &mut Report) -> Result<()> {
        Ok(())
    }

    /// Names of the things that the bundle decides and leaves as they are, of which no row tells that it does.
    fn decided(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is to be done.
    fn take_edits(&mut self) -> Vec<Edit>;
}
