//! Checks one bundle of the log against the checksums that stand around it, and says which row must be wrong.
//!
//! A bundle's checksum stands twice: in its own row and, as the previous one, in the next. An operation's stands in its
//! row and in the bundle's checksum. So one wrong place is distinguished from the others.

use crate::chain::{BundleHeader, checksum};
use crate::error::Result;
use crate::hash::Hash;

/// An operation as its row tells.
#[derive(Clone, PartialEq, Debug)]
pub struct LoggedOp {
    /// Number inside the bundle, from 1.
    pub ordinal: i32,
    /// Checksum computed from the row; `None` when the row makes no operation.
    pub computed: Option<Hash>,
    /// Checksum in the row.
    pub stored: Option<Hash>,
}

/// A bundle as its row tells.
#[derive(Clone, PartialEq, Debug)]
pub struct LoggedBundle {
    /// Its header.
    pub header: BundleHeader,
    /// Checksum of the one before, as it says.
    pub previous: Hash,
    /// Its own checksum, as it says.
    pub checksum: Hash,
    /// How many operations it has, as it says.
    pub op_count: i32,
    /// Those found, by ordinal.
    pub ops: Vec<LoggedOp>,
}

/// A wrong row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFault {
    /// The operation at this ordinal is another one than was logged; its checksum is known.
    Op(i32, Hash),
    /// The operation is right, its checksum is wrong; this is the right one.
    OpChecksum(i32, Hash),
    /// Operations are missing, or there are too many.
    OpCount,
    /// The bundle's header, or what it says of its operations, is another one than was logged; its checksum is known.
    Header(Hash),
    /// The bundle's checksum is wrong; this is the right one.
    Checksum(Hash),
    /// What the bundle says of the one before is wrong; this is right.
    Previous(Hash),
}

/// What came of checking a bundle.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    /// What is wrong.
    pub faults: Vec<LogFault>,
    /// Its right checksum; two when nothing tells which of those that are recorded is right.
    pub right: Vec<Hash>,
    /// The right checksum of the one before, when this one proves it.
    pub before: Option<Hash>,
}

/// Checks a bundle. `before` is what the checksum of the one before may be, `after` what the next one (or the project's
/// head) says of this one's.
pub fn check(bundle: &LoggedBundle, before: &[Hash], after: Hash) -> Result<Checked> {
    let mut recorded = vec![bundle.checksum, after];
    recorded.dedup();
    let ordinals = bundle.ops.iter().map(|op| op.ordinal);
    if !ordinals.eq(1..=bundle.op_count) {
        return Ok(Checked { faults: vec![LogFault::OpCount], right: recorded, before: None });
    }
    let differing: Vec<&LoggedOp> = bundle.ops.iter().filter(|op| op.computed != op.stored).collect();
    let stored: Option<Vec<Hash>> = bundle.ops.iter().map(|op| op.stored).collect();
    let computed: Option<Vec<Hash>> = bundle.ops.iter().map(|op| op.computed).collect();
    for (ops, is_stored) in [(&stored, true), (&computed, false)] {
        let Some(ops) = ops else { continue };
        for before in before {
            let right = checksum(before, &bundle.header, ops)?;
            if !recorded.contains(&right) {
                continue;
            }
            let mut faults: Vec<LogFault> = differing
                .iter()
                .filter_map(|op| match is_stored {
                    true => op.stored.map(|stored| LogFault::Op(op.ordinal, stored)),
                    false => op.computed.map(|computed| LogFault::OpChecksum(op.ordinal, computed)),
                })
                .collect();
            faults.extend((bundle.previous != *before).then_some(LogFault::Previous(*before)));
            faults.extend((bundle.checksum != right).then_some(LogFault::Checksum(right)));
            return Ok(Checked { faults, right: vec![right], before: Some(*before) });
        }
    }
    let mut faults = vec![LogFault::Header(bundle.checksum)];
    faults.extend(differing.iter().filter_map(|op| op.stored.map(|stored| LogFault::Op(op.ordinal, stored))));
    Ok(Checked { faults, right: recorded, before: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ActorId, BundleId, ProjectId, Seq};

    fn sound() -> (LoggedBundle, Hash, Hash) {
        let header = BundleHeader {
            project_id: ProjectId::default(),
            seq: Seq(2),
            bundle_id: BundleId::default(),
            kind: "user_edit".into(),
            actor_id: ActorId::SYSTEM,
            message: None,
            correlation_id: None,
            base_seq: None,
            undoes_seq: None,
            committed_at: 1,
        };
        let hashes = [Hash::of(b"1"), Hash::of(b"2")];
        let before = Hash::of(b"before");
        let checksum = checksum(&before, &header, &hashes).expect("checksum");
        let ops = (1..)
            .zip(hashes)
            .map(|(ordinal, hash)| LoggedOp { ordinal, computed: Some(hash), stored: Some(hash) })
            .collect();
        (LoggedBundle { header, previous: before, checksum, op_count: 2, ops }, before, checksum)
    }

    #[test]
    fn a_wrong_place_is_distinguished_from_the_others() {
        let (good, before, after) = sound();
        let wrong = Hash::of(b"wrong");
        let faults = |bundle: &LoggedBundle| check(bundle, &[wrong, before], after).expect("checks").faults;
        let checked = Checked { faults: vec![], right: vec![after], before: Some(before) };
        assert_eq!(check(&good, &[wrong, before], after).expect("checks"), checked);

        let mut bundle = good.clone();
        bundle.ops[1].computed = Some(wrong);
        assert_eq!(faults(&bundle), vec![LogFault::Op(2, Hash::of(b"2"))]);
        bundle.ops[1].computed = None;
        assert_eq!(faults(&bundle), vec![LogFault::Op(2, Hash::of(b"2"))]);

        let mut bundle = good.clone();
        bundle.ops[0].stored = Some(wrong);
        assert_eq!(faults(&bundle), vec![LogFault::OpChecksum(1, Hash::of(b"1"))]);

        let bundle = LoggedBundle { checksum: wrong, ..good.clone() };
        assert_eq!(faults(&bundle), vec![LogFault::Checksum(after)]);
        let bundle = LoggedBundle { previous: wrong, ..good.clone() };
        assert_eq!(faults(&bundle), vec![LogFault::Previous(before)]);

        let header = BundleHeader { message: Some("other".into()), ..good.header.clone() };
        let bundle = LoggedBundle { header, ..good.clone() };
        assert_eq!(faults(&bundle), vec![LogFault::Header(after)]);

        let mut bundle = good.clone();
        bundle.ops.pop();
        assert_eq!(faults(&bundle), vec![LogFault::OpCount]);
        // What the next one says is wrong, too: this one is sound.
        assert_eq!(check(&good, &[before], wrong).expect("checks"), checked);
    }
}
