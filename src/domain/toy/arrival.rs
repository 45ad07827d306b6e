//! What came from a peer about toys.

use super::store;
use crate::domain::incoming::{Arrival, Incoming, Report, Stamps};
use crate::ids::Seq;
use quire_core::error::Result;
use quire_core::op::toy::{ToyEdit, ToyOp};
use quire_core::op::{Change, Edit};
use quire_core::peer::{SentOp, judge};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The toys that a bundle writes.
struct Written<'a> {
    incoming: &'a Incoming<'a>,
    /// As they are, with the edits so far.
    here: BTreeMap<String, String>,
    /// The bundles that made them so.
    made_by: HashMap<String, Seq>,
    /// Whether what came decides.
    wins: HashMap<String, bool>,
    written: HashSet<String>,
    edits: Vec<Edit>,
}

/// Reads what is here of what it writes.
pub fn arrive<'a>(incoming: &'a Incoming<'a>) -> Result<Box<dyn Arrival + 'a>> {
    let project = incoming.access.project;
    let (here, made_by) = (store::current(project)?, store::made_by(project)?);
    let (wins, written, edits) = (HashMap::new(), HashSet::new(), Vec::new());
    Ok(Box::new(Written { incoming, here, made_by, wins, written, edits }))
}

/// A toy, as stamps are kept of it.
fn name(toy: &str) -> String {
    format!("toy {toy}")
}

impl Arrival for Written<'_> {
    fn seqs(&self) -> Vec<Seq> {
        self.made_by.values().copied().collect()
    }

    fn names(&self) -> Vec<String> {
        let writes = self.incoming.bundle.ops.iter().flat_map(|sent| &sent.writes);
        let toys = writes.filter_map(|write| match &write.change {
            Change::Toy(toy, _) => Some(name(toy)),
            _ => None,
        });
        toys.collect()
    }

    fn apply(&mut self, sent: &SentOp, stamps: &Stamps, report: &mut Report) -> Result<()> {
        for write in &sent.writes {
            let Change::Toy(toy, text) = &write.change else { continue };
            let is_equal = self.here.get(toy) == text.as_ref();
            let here = stamps.of(self.made_by.get(toy).copied(), &name(toy));
            let verdict = judge(here, self.incoming.bundle.stamp(), write.base, is_equal);
            if verdict.is_conflict {
                report.reasons.push(format!("toy {toy} was changed on both sides; the later one stays"));
            }
            let wins = *self.wins.entry(toy.clone()).or_insert(verdict.wins);
            let is_done = wins && !is_equal;
            report.is_verbatim &= is_done && !verdict.is_conflict;
            if is_done {
                match text.clone() {
                    Some(text) => self.here.insert(toy.clone(), text),
                    None => self.here.remove(toy),
                };
                self.written.insert(toy.clone());
                self.edits.push(Edit::Toy(ToyEdit(ToyOp::making(toy, text.as_ref()))));
            }
        }
        Ok(())
    }

    fn decided(&self) -> Vec<String> {
        let left = self.wins.iter().filter(|(toy, wins)| **wins && !self.written.contains(*toy));
        left.map(|(toy, _)| name(toy)).collect()
    }

    fn take_edits(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.edits)
    }
}
