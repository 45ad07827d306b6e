//! A peer's log, as far as it was followed here.
//!
//! A peer that was set back to a backup gives out its seqs again, to other bundles, and one of the two sides would go on
//! without some of the other's. So what comes must go on from what was followed, by seq and mark; otherwise the push is
//! refused, and says the newest place that both have as far as it is known here.

use super::store::{self, Exchange};
use crate::ids::{ProjectId, Seq};
use crate::log::Place;
use crate::log::place::other_log;
use crate::log::store::locked_checksum_at;
use quire_core::error::{Code, Error, Result};
use quire_core::mark::Mark;
use quire_core::peer::Standing;

/// How far a peer's log was followed.
pub struct Followed<'a> {
    project: ProjectId,
    peer: &'a str,
    /// Before this call.
    had: Place,
    /// Up to now.
    reached: Place,
}

impl<'a> Followed<'a> {
    /// What is known, under the head lock.
    pub fn of(project: ProjectId, peer: &'a str) -> Result<Self> {
        let Exchange { checkpoint, .. } = store::locked(project, peer)?;
        Ok(Self { project, peer, had: checkpoint.clone(), reached: checkpoint })
    }

    /// Up to where the log is followed now.
    pub fn reached(&self) -> &Place {
        &self.reached
    }

    /// What begins after a place of the peer's log must not leave anything out (PT409), nor begin in another log.
    pub fn goes_on_from(&self, after: &Place) -> Result<()> {
        if after.seq > self.reached.seq && !self.is_copy(after)? {
            let message =
                format!("{} has sent up to {} and goes on after {}", self.peer, self.reached.seq, after.seq);
            return Err(self.refusal(message, &self.had));
        }
        if after.seq == self.reached.seq && disagree(&after.mark, &self.reached.mark) {
            return self.diverged(after.seq, after.seq.before());
        }
        Ok(())
    }

    /// Whether this project has the peer's log as its own, as after a dump was restored here.
    fn is_copy(&self, place: &Place) -> Result<bool> {
        Ok(place.fits(locked_checksum_at(self.project, place.seq)?.as_ref()))
    }

    /// A bundle may come next: where the log was followed to it is still the same, and what comes before that is known (PT409). Every
    /// checksum contains those before it, so one place is enough.
    pub fn may_take(&self, standing: &Standing, is_known: bool) -> Result<()> {
        self.goes_on_from(&Place::new(standing.after_seq, standing.after_mark.clone()))?;
        let is_other = disagree(&standing.mark_at(self.had.seq).cloned(), &self.had.mark);
        if is_other || standing.seq <= self.had.seq && !is_known {
            let at = if is_other { self.had.seq } else { standing.seq };
            return self.diverged(at, standing.after_seq);
        }
        Ok(())
    }

    /// A bundle was taken.
    pub fn took(&mut self, standing: &Standing) {
        if standing.seq > self.reached.seq {
            self.reached = Place::new(standing.seq, standing.mark.clone());
        }
    }

    /// What was sent ends here. When it began before the place up to where the log was followed, and brought nothing from behind that,
    /// nothing tells whether it is still the same log: then the next page has to begin there.
    pub fn ends_at(&mut self, checkpoint: Place, began: Seq) -> Result<()> {
        if checkpoint.seq == self.had.seq && disagree(&checkpoint.mark, &self.had.mark) {
            return self.diverged(checkpoint.seq, checkpoint.seq.before());
        }
        if began < self.had.seq && self.reached.seq == self.had.seq && checkpoint.seq > self.had.seq {
            return Ok(());
        }
        let is_unmarked = self.reached.mark.is_none() || checkpoint.seq > self.reached.seq;
        if checkpoint.seq >= self.reached.seq && is_unmarked {
            self.reached = checkpoint;
        }
        Ok(())
    }

    fn diverged(&self, at: Seq, last: Seq) -> Result<()> {
        let message = format!("{} has another log at seq {at} than it had", self.peer);
        let common = store::newest_place(self.project, self.peer, last.min(self.had.seq))?;
        Err(self.refusal(message, &common))
    }

    fn refusal(&self, message: String, common: &Place) -> Error {
        other_log(Code::Conflict, message, self.had.seq)
            .with("peer_id", self.peer)
            .with("common_seq", common.seq)
            .with("common_checksum", common.digits())
            .hint("one of the two was set back to an older state: see sync_reset")
    }
}

/// Whether two marks are known and of different logs.
fn disagree(one: &Option<Mark>, other: &Option<Mark>) -> bool {
    one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| !one.agrees_with(other))
}
