//! Places in the log, as somebody remembers them: a seq and the mark that went with it.
//!
//! A database that is set back to a backup gives out its seqs again, to other bundles. Whoever goes on from a seq gives its
//! mark, too, and gets an error when the log there is not the one they know, instead of missing what is new and keeping what is gone.

use super::store;
use crate::db;
use crate::ids::{ProjectId, Seq};
use crate::log::quarantine;
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::mark::Mark;
use quire_core::quarantine::RowKind;
use quire_core::reason::Reason;
use serde_json::json;

/// A seq that somebody gives or that is kept for them, and its mark if it is known.
#[derive(Clone)]
pub struct Place {
    /// Name of the argument that gives the mark.
    argument: Option<&'static str>,
    pub seq: Seq,
    pub mark: Option<Mark>,
}

impl Place {
    /// From two arguments, of which `names` are the names; `None` without a seq. A mark needs one (22023).
    pub fn of(names: [&'static str; 2], seq: Option<Seq>, mark: Option<&str>) -> Result<Option<Self>> {
        let [of_seq, argument] = names;
        let mark = mark.map(|text| Mark::parse(argument, text)).transpose()?;
        match seq {
            Some(seq) => Ok(Some(Self { argument: Some(argument), seq, mark })),
            None if mark.is_some() => {
                Err(Error::validation(format!("{argument} is of a seq: give {of_seq}, too"))
                    .with("argument", argument))
            }
            None => Ok(None),
        }
    }

    /// A seq and its mark.
    pub fn new(seq: Seq, mark: Mark) -> Self {
        Self { argument: None, seq, mark: Some(mark) }
    }

    /// One that was kept.
    pub fn kept(seq: Seq, mark: Option<&str>) -> Result<Self> {
        Ok(Self { argument: None, seq, mark: mark.map(|text| Mark::parse("a mark", text)).transpose()? })
    }

    /// Where the log of a project is the one that is there: a seq that it has come to.
    pub fn here(project: ProjectId, seq: Seq) -> Result<Self> {
        Ok(Self::new(seq, store::sound_mark_at(project, seq)?))
    }

    /// The mark, as it is kept.
    pub fn digits(&self) -> Option<&str> {
        self.mark.as_ref().map(Mark::as_str)
    }

    /// Whether its mark is known and is that of a checksum.
    pub fn fits(&self, checksum: Option<&Hash>) -> bool {
        self.mark.as_ref().zip(checksum).is_some_and(|(mark, checksum)| mark.is_of(checksum))
    }

    /// Whether the log, as the caller's snapshot sees it, is known to have it.
    pub fn is_here(&self, project: ProjectId) -> Result<bool> {
        Ok(self.mark.is_some() && self.fits(store::checksum_at(project, self.seq)?.as_ref()))
    }

    /// Refuses a place of another log (PT410), as the caller's snapshot sees the log. A standby may not have come so far yet.
    pub fn check(&self, project: ProjectId) -> Result<()> {
        self.check_as(Code::Gone, project)
    }

    /// The same with PT409, for who would write.
    pub fn check_as(&self, code: Code, project: ProjectId) -> Result<()> {
        if self.mark.is_none() {
            return Ok(());
        }
        let mut known = store::checksum_at(project, self.seq)?;
        if known.is_none() {
            // SAFETY: plain read of server state.
            if unsafe { pgrx::pg_sys::RecoveryInProgress() } {
                return Ok(());
            }
            // The caller's snapshot may be older than what they have heard of.
            known = db::latest(|| store::checksum_at(project, self.seq))?;
        }
        match self.fits(known.as_ref()) {
            true => Ok(()),
            false => Err(self.other_log(code, project, store::head_seq(project)?)?),
        }
    }

    /// Refuses a place of another log (PT409) under the head lock, when the newest seq is `newest`.
    pub fn check_locked(&self, project: ProjectId, newest: Seq) -> Result<()> {
        if self.mark.is_none() || self.fits(store::locked_checksum_at(project, self.seq)?.as_ref()) {
            return Ok(());
        }
        Err(self.other_log(Code::Conflict, project, newest)?)
    }

    /// The refusal; XX001 when the bundle there is known to be corrupt, which says nothing of the log.
    fn other_log(&self, code: Code, project: ProjectId, newest: Seq) -> Result<Error> {
        quarantine::refuse(project, [RowKind::Bundle], json!({"seq": self.seq}))?;
        let error = other_log(code, format!("the log at seq {} is another one", self.seq), newest);
        Ok(match self.argument {
            Some(argument) => error.with("argument", argument),
            None => error,
        })
    }
}

/// The error of who remembers another log; `newest` is where this one ends.
pub fn other_log(code: Code, message: String, newest: Seq) -> Error {
    Error::new(code, message).because(Reason::MustRefetch).with("seq", newest).hint(
        "the database was set back to an older state: fetch the project again and continue from its seq",
    )
}
