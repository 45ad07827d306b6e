//! What came from a peer about fields.

use super::{conflict, store};
use crate::domain::incoming::{Arrival, Incoming, Report, Stamps};
use crate::ids::{BundleId, Seq};
use quire_core::error::Result;
use quire_core::field::{Clash, FieldEdit, FieldState, Fields, fields_of};
use quire_core::json::JsonValue;
use quire_core::key::{EntityKey, FieldKey};
use quire_core::op::{Change, Edit, FieldOp, Op, Write};
use quire_core::peer::{PeerVerdict, SentOp, judge};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The fields that a bundle writes.
struct Written<'a> {
    incoming: &'a Incoming<'a>,
    /// As they are; of an entity that goes away, all.
    here: Fields,
    verdicts: HashMap<FieldKey, PeerVerdict>,
    /// Values that came and are not shown.
    lost: HashMap<FieldKey, Option<JsonValue>>,
    edits: Vec<FieldEdit>,
    /// The entities that the edits are of.
    written: HashSet<EntityKey>,
}

/// Reads what is here of what it writes.
pub fn arrive<'a>(incoming: &'a Incoming<'a>) -> Result<Box<dyn Arrival + 'a>> {
    let project = incoming.access.project;
    let mut keys: BTreeSet<&FieldKey> = BTreeSet::new();
    let mut entities: BTreeSet<&EntityKey> = BTreeSet::new();
    for sent in &incoming.bundle.ops {
        if let Op::Field(FieldOp::DeleteEntity { entity }) = &sent.op {
            entities.insert(entity);
        }
        keys.extend(sent.writes.iter().filter_map(|write| match &write.change {
            Change::Field(key, _) => Some(key),
            _ => None,
        }));
    }
    let mut here = store::load_fields(project, &keys.into_iter().collect::<Vec<_>>())?;
    for entity in entities {
        here.extend(store::load_entity(project, entity)?);
    }
    Ok(Box::new(Written {
        incoming,
        here,
        verdicts: HashMap::new(),
        lost: HashMap::new(),
        edits: Vec::new(),
        written: HashSet::new(),
    }))
}

impl Arrival for Written<'_> {
    fn seqs(&self) -> Vec<Seq> {
        self.here.values().map(|state| state.seq).collect()
    }

    /// What a bundle finds so already is written all the same, so that a row tells of it.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn apply(&mut self, sent: &SentOp, stamps: &Stamps, report: &mut Report) -> Result<()> {
        if let Op::Field(FieldOp::DeleteEntity { entity }) = &sent.op {
            self.delete(&sent.writes, entity, stamps, report);
            return Ok(());
        }
        for write in &sent.writes {
            if let Change::Field(key, value) = &write.change {
                let wins = self.judge(key, value.as_ref(), write.base, stamps, report);
                report.is_verbatim &= wins;
                if wins {
                    self.write(key, value.as_ref());
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, _report: &mut Report) -> Result<()> {
        self.keep_conflicts()
    }

    fn decided(&self) -> Vec<String> {
        Vec::new()
    }

    fn take_edits(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.edits).into_iter().map(Edit::Field).collect()
    }
}

impl Written<'_> {
    fn judge(
        &mut self,
        key: &FieldKey,
        value: Option<&JsonValue>,
        base: Option<BundleId>,
        stamps: &Stamps,
        report: &mut Report,
    ) -> bool {
        if let Some(verdict) = self.verdicts.get(key) {
            return verdict.wins;
        }
        let state = self.here.get(key);
        let stamp = state.and_then(|state| stamps.made.get(&state.seq)).copied();
        let is_equal = state.is_some_and(|state| state.value.as_ref() == value);
        let verdict = judge(stamp, self.incoming.bundle.stamp(), base, is_equal);
        if verdict.is_conflict {
            let kept = if verdict.wins { "the incoming value" } else { "the value that is here" };
            report.reasons.push(format!(
                "{} of {} was changed on both sides; {kept} is later and shows",
                key.field, key.entity
            ));
            if !verdict.wins {
                self.lost.insert(key.clone(), value.cloned());
            }
        }
        report.is_verbatim &= !verdict.is_conflict;
        self.verdicts.insert(key.clone(), verdict);
        verdict.wins
    }

    fn write(&mut self, key: &FieldKey, value: Option<&JsonValue>) {
        self.written.insert(key.entity.clone());
        self.edits.push(FieldEdit::Write {
            key: key.clone(),
            value: value.cloned(),
            base_seq: None,
            always: true,
        });
    }

    fn delete(&mut self, writes: &[Write], entity: &EntityKey, stamps: &Stamps, report: &mut Report) {
        let mut won = BTreeSet::new();
        for write in writes {
            if let Change::Field(key, _) = &write.change
                && self.judge(key, None, write.base, stamps, report)
            {
                won.insert(key.clone());
            }
        }
        // What the author did not know of stays.
        let live: BTreeSet<FieldKey> = fields_of(&self.here, entity).map(|(key, _)| key.clone()).collect();
        let is_whole = !live.is_empty() && live == won && !self.written.contains(entity);
        report.is_verbatim &= is_whole;
        if is_whole {
            self.written.insert(entity.clone());
            self.edits.push(FieldEdit::Delete { entity: entity.clone(), base_seq: None });
            return;
        }
        for key in won {
            self.write(&key, None);
        }
    }

    /// Conflicts about fields are kept, whoever won.
    fn keep_conflicts(&self) -> Result<()> {
        let Incoming { access, head, bundle, author: by, .. } = self.incoming;
        let (project, seq, by) = (access.project, head.seq.next(), *by);
        if bundle.header.kind == "merge_resolution" {
            for edit in &self.edits {
                if let FieldEdit::Write { key, value, .. } = edit {
                    conflict::settle(project, by, seq, key, value.as_ref())?;
                }
            }
            return Ok(());
        }
        for (key, verdict) in &self.verdicts {
            let Some(theirs) = self.here.get(key).filter(|_| verdict.is_conflict) else { continue };
            let lost = self.lost.get(key).map(Option::as_ref);
            let theirs: FieldState = theirs.clone();
            let clash = Clash { key: key.clone(), yours: None, theirs, base_seq: Seq::ZERO };
            conflict::open(project, by, seq, &clash, lost)?;
        }
        Ok(())
    }
}
