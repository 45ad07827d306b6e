//! How what a project holds gets into another one.

use crate::blob::Copied;
use crate::gate::Access;
use crate::ids::{ProjectId, Seq};
use quire_core::hash::Hash;
use quire_core::key::EntityKey;
use quire_core::op::Edit;
use quire_core::path::FilePath;
use std::collections::BTreeSet;

/// A copy on its way: from where, what of it, and the edits that write it.
pub struct Copying<'a> {
    pub from: ProjectId,
    /// As of which seq.
    pub seq: Seq,
    pub to: &'a Access,
    /// `None`: all of it, into a project where nothing is.
    pub selection: Option<&'a Selection>,
    pub edits: Vec<Edit>,
    pub contents: Copied,
}

/// What is to be copied.
#[derive(Default)]
pub struct Selection {
    /// Files, and what is below directories; `None` is everything.
    pub paths: Vec<Option<FilePath>>,
    pub entities: BTreeSet<EntityKey>,
    pub assets: BTreeSet<Hash>,
}

impl<'a> Copying<'a> {
    /// A copy of which nothing is planned yet.
    pub fn new(from: ProjectId, seq: Seq, to: &'a Access, selection: Option<&'a Selection>) -> Self {
        let contents = Copied { from, hashes: Vec::new(), or_archived: Vec::new() };
        Self { from, seq, to, selection, edits: Vec::new(), contents }
    }
}
