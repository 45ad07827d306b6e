//! What came from a peer about documents. Nobody wins here: what is not there yet is added, whatever is newer.

use super::store;
use crate::domain::incoming::{Arrival, Incoming, Report, Stamps};
use quire_core::doc::{DocChange, DocKnown, DocSummary, Heads};
use quire_core::error::Result;
use quire_core::key::DocKey;
use quire_core::op::{DocEdit, DocOp, Edit, Op};
use quire_core::peer::SentOp;
use std::collections::{BTreeMap, BTreeSet};

/// The documents that a bundle writes.
struct Written<'a> {
    incoming: &'a Incoming<'a>,
    /// As they are, with the edits so far, and the changes that these add.
    here: BTreeMap<DocKey, (DocSummary, Vec<DocChange>)>,
    edits: Vec<Edit>,
}

/// What is to be read is read when an operation is judged: a document has no one who decided what it is.
pub fn arrive<'a>(incoming: &'a Incoming<'a>) -> Box<dyn Arrival + 'a> {
    Box::new(Written { incoming, here: BTreeMap::new(), edits: Vec::new() })
}

impl Written<'_> {
    /// Changes that are not here; why none of them can be added, if that is so.
    fn new_of(
        &mut self,
        key: &DocKey,
        changes: &[DocChange],
    ) -> Result<std::result::Result<Vec<DocChange>, String>> {
        let project = self.incoming.access.project;
        let head = store::head(project, key)?;
        let mut known = match &head {
            Some(head) => store::known(project, &head.line, changes)?,
            None => DocKnown::default(),
        };
        let limits = super::limits();
        let (summary, added) = self
            .here
            .entry(key.clone())
            .or_insert_with(|| (head.map(|head| head.summary).unwrap_or_default(), Vec::new()));
        for change in added.iter() {
            known.changes.insert(change.hash(), change.max_op());
            known.actors.insert(change.actor().clone(), change.seq());
        }
        let mut more = summary.clone();
        let new = known.new_of(changes, summary.max_op);
        let new = new.and_then(|new| more.append(&new, &limits).map(|()| new));
        Ok(match new {
            Ok(new) => {
                *summary = more;
                added.extend_from_slice(&new);
                Ok(new)
            }
            Err(error) => Err(error.message().to_owned()),
        })
    }

    /// Whether what is deleted is here, and deleting it changes something.
    fn delete(&mut self, key: &DocKey, heads: &Heads) -> Result<std::result::Result<bool, String>> {
        let project = self.incoming.access.project;
        let head = store::head(project, key)?;
        let (summary, added) = self.here.entry(key.clone()).or_insert_with(|| {
            (head.as_ref().map(|head| head.summary.clone()).unwrap_or_default(), Vec::new())
        });
        let mut known: BTreeSet<_> = added.iter().map(DocChange::hash).collect();
        if let Some(head) = head {
            known.extend(store::has(project, &head.line, heads)?.as_slice());
        }
        match heads.as_slice().iter().find(|hash| !known.contains(hash)) {
            Some(hash) => Ok(Err(format!("it is deleted at {hash}, which is not here"))),
            None => Ok(Ok(summary.delete(heads))),
        }
    }
}

impl Arrival for Written<'_> {
    fn apply(&mut self, sent: &SentOp, _stamps: &Stamps, report: &mut Report) -> Result<()> {
        let Op::Doc(op) = &sent.op else { return Ok(()) };
        let key = op.key().clone();
        let judged = match op {
            _ if key.branch != DocKey::MAIN => Err("it is on a branch that is not here".to_owned()),
            DocOp::Change { changes, .. } => self.new_of(&key, changes)?.map(|new| {
                let (is_all, is_some) = (new.len() == changes.len(), !new.is_empty());
                let edit = DocEdit::Change { key: key.clone(), changes: new, base_heads: None };
                (is_some.then_some(edit), is_all)
            }),
            DocOp::Delete { heads, .. } => self.delete(&key, heads)?.map(|is_done| {
                let heads = Some(heads.clone());
                (is_done.then_some(DocEdit::Delete { key: key.clone(), base_heads: None, heads }), is_done)
            }),
        };
        match judged {
            Ok((edit, is_as_it_came)) => {
                report.is_verbatim &= is_as_it_came;
                self.edits.extend(edit.map(Edit::Doc));
            }
            Err(why) => {
                report.is_verbatim = false;
                report.reasons.push(format!("{key}: {why}"));
            }
        }
        Ok(())
    }

    fn take_edits(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.edits)
    }
}
