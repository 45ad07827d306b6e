//! Branches of a project's documents: where one begins, and whether it may be written.
//!
//! A branch copies nothing. What it has of its parent is what the parent had at a seq; a branch of a branch so has what that one has of its
//! own parent, up to the lower of both seqs.

use crate::error::{Error, Result};
use crate::id::Seq;
use crate::key::DocKey;
use crate::text::shorten;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What may be done to a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BranchStatus {
    /// It is read and written.
    Open,
    /// It is read.
    Closed,
    /// It is read by a seq, and listed nowhere.
    Deleted,
}

impl BranchStatus {
    const ALL: [Self; 3] = [Self::Open, Self::Closed, Self::Deleted];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            BranchStatus::Open => "open",
            BranchStatus::Closed => "closed",
            BranchStatus::Deleted => "deleted",
        }
    }

    /// One of these words.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A branch, as operations make it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Branch {
    /// The branch it begins with.
    pub from_branch: String,
    /// The last bundle of that branch that it has.
    pub at_seq: Seq,
    /// What may be done to it.
    pub status: BranchStatus,
    /// The branch that has all of it, as somebody said who closed it.
    pub merged_into: Option<String>,
}

/// A branch and those that it begins with, each with the last bundle that counts; the last one is the branch that every project has.
#[derive(Clone, PartialEq, Debug)]
pub struct Lineage {
    /// What may be done to the branch.
    pub status: BranchStatus,
    /// Its name first.
    pub levels: Vec<(String, Seq)>,
}

impl Lineage {
    /// Of the branch that every project has.
    pub fn main() -> Self {
        Self { status: BranchStatus::Open, levels: vec![(DocKey::MAIN.to_owned(), Seq::MAX)] }
    }

    /// Of one of these branches, as far as those that it begins with are there; `None` when it is none of them.
    pub fn along(branches: &BTreeMap<String, Branch>, branch: &str) -> Option<Self> {
        if branch == DocKey::MAIN {
            return Some(Self::main());
        }
        let status = branches.get(branch)?.status;
        let mut levels = vec![(branch.to_owned(), Seq::MAX)];
        let (mut name, mut last) = (branch, Seq::MAX);
        // A circle, which only damaged rows make, ends.
        while let Some(made) = branches.get(name).filter(|_| levels.len() <= branches.len()) {
            (name, last) = (made.from_branch.as_str(), last.min(made.at_seq));
            levels.push((name.to_owned(), last));
        }
        Some(Self { status, levels })
    }

    /// The same; `None` also when it does not lead to main.
    pub fn of(branches: &BTreeMap<String, Branch>, branch: &str) -> Option<Self> {
        let leads_to_main =
            |lineage: &Self| lineage.levels.last().is_some_and(|(last, _)| last == DocKey::MAIN);
        Self::along(branches, branch).filter(leads_to_main)
    }

    /// As it is at a seq.
    #[must_use]
    pub fn up_to(mut self, seq: Seq) -> Self {
        self.levels.iter_mut().for_each(|(_, last)| *last = seq.min(*last));
        self
    }

    /// What its branch has from others.
    #[must_use]
    pub fn inherited(mut self) -> Self {
        self.levels.remove(0);
        self
    }

    /// Refuses a branch that may not be written (PT423).
    pub fn require_open(&self) -> Result<()> {
        if self.status == BranchStatus::Open { Ok(()) } else { Err(closed(self.name())) }
    }

    /// The branch.
    pub fn name(&self) -> &str {
        self.levels.first().map_or(DocKey::MAIN, |(branch, _)| branch)
    }
}

/// The error where no branch is (PT404).
pub fn no_branch(branch: &str) -> Error {
    Error::not_found("no such branch").with("branch", shorten(branch))
}

/// The error where a branch is closed (PT423).
pub fn closed(branch: &str) -> Error {
    Error::new(crate::error::Code::Locked, "the branch is closed")
        .with("branch", shorten(branch))
        .hint("create_branch makes another one that begins with it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineage(levels: &[(&str, i64)]) -> Lineage {
        let levels = levels.iter().map(|(branch, seq)| ((*branch).to_owned(), Seq(*seq))).collect();
        Lineage { status: BranchStatus::Open, levels }
    }

    #[test]
    fn a_lineage_at_a_seq_has_no_more_of_any_branch() {
        let of_draft = lineage(&[("more", i64::MAX), ("draft", 9), ("main", 7)]);
        assert_eq!(of_draft.clone().up_to(Seq(8)), lineage(&[("more", 8), ("draft", 8), ("main", 7)]));
        assert_eq!(of_draft.inherited(), lineage(&[("draft", 9), ("main", 7)]));
    }

    #[test]
    fn a_lineage_goes_down_to_main_at_the_lower_seq() {
        let branch = |from_branch: &str, at_seq| Branch {
            from_branch: from_branch.to_owned(),
            at_seq: Seq(at_seq),
            status: BranchStatus::Open,
            merged_into: None,
        };
        let made = |made: &[(&str, &str, i64)]| -> BTreeMap<String, Branch> {
            made.iter().map(|(name, from, at)| ((*name).to_owned(), branch(from, *at))).collect()
        };
        let branches = made(&[("draft", "main", 7), ("old", "draft", 5), ("late", "draft", 9)]);
        assert_eq!(Lineage::of(&branches, "main"), Some(Lineage::main()));
        let expected = [("old", i64::MAX), ("draft", 5), ("main", 5)];
        assert_eq!(Lineage::of(&branches, "old"), Some(lineage(&expected)));
        let expected = [("late", i64::MAX), ("draft", 9), ("main", 7)];
        assert_eq!(Lineage::of(&branches, "late"), Some(lineage(&expected)));
        assert_eq!(Lineage::of(&branches, "nowhere"), None);
        assert_eq!(Lineage::of(&made(&[("a", "b", 1), ("b", "a", 1)]), "a"), None);
    }

    #[test]
    fn words_come_back() {
        for status in BranchStatus::ALL {
            assert_eq!(BranchStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::json!(status), status.as_str());
        }
        assert_eq!(BranchStatus::parse("Open"), None);
    }
}
