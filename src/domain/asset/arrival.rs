//! What came from a peer about assets.

use super::store;
use crate::domain::incoming::{Arrival, Incoming, Report, Stamps};
use crate::ids::{BundleId, Seq};
use quire_core::asset::{AssetEdit, AssetsByHash, Source};
use quire_core::error::Result;
use quire_core::hash::Hash;
use quire_core::op::{AssetOp, Change, Edit, Kept, Op};
use quire_core::peer::{PeerVerdict, SentOp, judge};
use std::collections::{HashMap, HashSet};

/// The assets that a bundle writes.
struct Written<'a> {
    incoming: &'a Incoming<'a>,
    hashes: Vec<Hash>,
    /// As they are.
    here: AssetsByHash,
    /// The bundle that made them so, and whether they are kept, as the edits so far make them.
    kept: HashMap<Hash, (Seq, bool)>,
    verdicts: HashMap<Hash, PeerVerdict>,
    edits: Vec<AssetEdit>,
    /// Those that the edits are of.
    written: HashSet<Hash>,
}

/// Reads what is here of what it writes.
pub fn arrive<'a>(incoming: &'a Incoming<'a>) -> Result<Box<dyn Arrival + 'a>> {
    let project = incoming.access.project;
    let writes = incoming.bundle.ops.iter().flat_map(|sent| &sent.writes);
    let hashes: Vec<Hash> = writes
        .filter_map(|write| match &write.change {
            Change::Asset(hash, _) => Some(*hash),
            _ => None,
        })
        .collect();
    let kept = store::made_by(project, &hashes)?;
    let here = store::load(project, &hashes)?;
    let (verdicts, edits, written) = (HashMap::new(), Vec::new(), HashSet::new());
    Ok(Box::new(Written { incoming, hashes, here, kept, verdicts, edits, written }))
}

/// An asset, as stamps are kept of it.
fn name(hash: &Hash) -> String {
    format!("asset {}", hash.to_hex())
}

impl Arrival for Written<'_> {
    fn seqs(&self) -> Vec<Seq> {
        self.kept.values().map(|(seq, _)| *seq).collect()
    }

    fn names(&self) -> Vec<String> {
        self.hashes.iter().map(name).collect()
    }

    fn apply(&mut self, sent: &SentOp, stamps: &Stamps, report: &mut Report) -> Result<()> {
        let reason = match &sent.op {
            Op::Asset(AssetOp::Delete { reason, .. }) => reason.as_deref(),
            _ => None,
        };
        for write in &sent.writes {
            if let Change::Asset(hash, kept) = &write.change {
                let is_done = self.judge(hash, kept.as_ref(), write.base, stamps, report)
                    && self.write(hash, kept.as_ref(), reason, report);
                report.is_verbatim &= is_done;
            }
        }
        Ok(())
    }

    fn decided(&self) -> Vec<String> {
        let left = self.verdicts.iter();
        let left = left.filter(|(hash, verdict)| verdict.wins && !self.written.contains(hash));
        left.map(|(hash, _)| name(hash)).collect()
    }

    fn take_edits(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.edits).into_iter().map(Edit::Asset).collect()
    }
}

impl Written<'_> {
    /// Whether an asset is kept so, or not at all.
    fn is_equal(&self, hash: &Hash, kept: Option<&Kept>) -> bool {
        let here = self.here.get(hash).filter(|asset| !asset.is_deleted).map(|asset| &asset.label);
        here == kept.map(|kept| &kept.label)
    }

    fn judge(
        &mut self,
        hash: &Hash,
        kept: Option<&Kept>,
        base: Option<BundleId>,
        stamps: &Stamps,
        report: &mut Report,
    ) -> bool {
        let is_equal = self.is_equal(hash, kept);
        let here = stamps.of(self.kept.get(hash).map(|(seq, _)| *seq), &name(hash));
        let incoming = self.incoming.bundle.stamp();
        let verdict = *self.verdicts.entry(*hash).or_insert_with(|| judge(here, incoming, base, is_equal));
        if verdict.is_conflict {
            let kept = if verdict.wins { "the incoming one" } else { "the one that is here" };
            report.reasons.push(format!(
                "asset {} was changed on both sides; {kept} is later and stays",
                hash.to_hex()
            ));
        }
        report.is_verbatim &= !verdict.is_conflict;
        verdict.wins
    }

    /// Plans what makes an asset so; `false` when nothing can be done.
    fn write(&mut self, hash: &Hash, kept: Option<&Kept>, reason: Option<&str>, report: &mut Report) -> bool {
        let is_first = !self.written.contains(hash);
        if is_first && self.is_equal(hash, kept) {
            return false;
        }
        let is_kept = self.kept.get(hash).is_some_and(|(_, is_kept)| *is_kept);
        let edit = match kept {
            Some(Kept { label, .. }) => {
                let source = match self.incoming.contents.get(hash) {
                    Some(content) => Source::Given(content.size),
                    None if self.incoming.existing.contains(hash) => Source::Stored,
                    None => {
                        report.reasons.push(format!("the content of asset {} was not sent", hash.to_hex()));
                        return false;
                    }
                };
                AssetEdit::Put { hash: *hash, source, label: label.clone() }
            }
            None if is_kept => AssetEdit::Delete { hash: *hash, reason: reason.map(str::to_owned) },
            None => return false,
        };
        let seq = self.kept.get(hash).map_or(Seq::ZERO, |(seq, _)| *seq);
        self.kept.insert(*hash, (seq, matches!(edit, AssetEdit::Put { .. })));
        self.written.insert(*hash);
        self.edits.push(edit);
        true
    }
}
