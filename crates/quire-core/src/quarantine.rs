//! What can be in quarantine: a row that was found corrupt, and what is wrong with it.

use crate::op::Topic;

/// Which kind of row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RowKind {
    /// An operation in the log.
    Logged(Topic),
    /// A row of current state.
    Current(Topic),
    /// A bundle of the log; its key is `seq`.
    Bundle,
    /// Where the log ends, and what the project holds in all.
    ProjectHead,
    /// Content; its key is `content_hash`.
    Blob,
    /// A bundle that came from a peer and was not stored.
    PeerBundle,
}

impl RowKind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let rows =
            Topic::ALL.iter().copied().flat_map(|topic| [RowKind::Logged(topic), RowKind::Current(topic)]);
        rows.chain([RowKind::Bundle, RowKind::ProjectHead, RowKind::Blob, RowKind::PeerBundle])
    }

    /// The bundles of the log and the operations in them.
    pub fn log() -> impl Iterator<Item = Self> {
        [RowKind::Bundle].into_iter().chain(Topic::ALL.iter().copied().map(RowKind::Logged))
    }

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            RowKind::Logged(topic) => topic.logged_row(),
            RowKind::Current(topic) => topic.current_row(),
            RowKind::Bundle => "bundle",
            RowKind::ProjectHead => "project_head",
            RowKind::Blob => "blob",
            RowKind::PeerBundle => "peer_bundle",
        }
    }

    /// From the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|kind| kind.as_str() == text)
    }
}

/// What is wrong with a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is not what was recorded.
    Content,
    /// It has a wrong checksum, and other rows show the right one.
    Checksum,
    /// It has a wrong checksum of the bundle before, which shows the right one.
    PrevChecksum,
    /// It says that a bundle has another number of operations than there are.
    OpCount,
    /// It is not there.
    Missing,
    /// What it says cannot follow from what was before.
    Impossible,
    /// What of it is in no operation does not follow from other rows.
    Row,
    /// It is not what the operations of the log make.
    Replay,
    /// It does not count what there is.
    Totals,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Content,
        Self::Checksum,
        Self::PrevChecksum,
        Self::OpCount,
        Self::Missing,
        Self::Impossible,
        Self::Row,
        Self::Replay,
        Self::Totals,
    ];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::Content => "content",
            Fault::Checksum => "checksum",
            Fault::PrevChecksum => "prev_checksum",
            Fault::OpCount => "op_count",
            Fault::Missing => "missing",
            Fault::Impossible => "impossible",
            Fault::Row => "row",
            Fault::Replay => "replay",
            Fault::Totals => "totals",
        }
    }

    /// From the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_and_fault_has_a_word_of_its_own() {
        let words: BTreeSet<&str> = RowKind::all().map(RowKind::as_str).collect();
        assert_eq!(words.len(), RowKind::all().count());
        assert!(RowKind::all().all(|kind| RowKind::parse(kind.as_str()) == Some(kind)));
        assert!(Fault::ALL.into_iter().all(|fault| Fault::parse(fault.as_str()) == Some(fault)));
        assert_eq!(RowKind::parse("file"), None);
    }
}
