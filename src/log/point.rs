//! What a point in time means: the seq that a seq, a time or a tag names.

use super::Place;
use super::store::{self, committed_at, head_seq};
use crate::db::clock::from_pg;
use crate::ids::{ProjectId, Seq};
use pgrx::datum::TimestampWithTimeZone;
use quire_core::error::{Error, Result};
use quire_core::timestamp::Micros;

/// The seq that a point in time means: exactly one of the three is given.
pub fn resolve_point(
    project: ProjectId,
    at_seq: Option<Seq>,
    at_time: Option<TimestampWithTimeZone>,
    at_tag: Option<&str>,
) -> Result<Seq> {
    match (at_seq, at_time, at_tag) {
        (Some(seq), None, None) => existing_seq(project, "at_seq", seq),
        (None, Some(time), None) => seq_at_time(project, from_pg(time)),
        (None, None, Some(tag)) => store::tag_seq(project, tag)?
            .ok_or_else(|| Error::not_found("no such tag").with("tag", quire_core::text::shorten(tag))),
        _ => Err(Error::validation("give exactly one of at_seq, at_time and at_tag")),
    }
}

/// The seq that `at_seq` and `at_checksum` give, or the newest.
pub fn seq_of(project: ProjectId, at: Option<Place>) -> Result<Seq> {
    let Some(at) = at else { return head_seq(project) };
    at.check(project)?;
    existing_seq(project, "at_seq", at.seq)
}

/// A seq the project has reached; 0 is before the first bundle.
pub fn existing_seq(project: ProjectId, name: &str, seq: Seq) -> Result<Seq> {
    let newest = head_seq(project)?;
    if (Seq::ZERO..=newest).contains(&seq) {
        Ok(seq)
    } else {
        Err(Error::validation(format!("{name} must be from 0 to {newest}"))
            .with("argument", name)
            .with("seq", newest))
    }
}

/// The newest bundle that was committed by then: a binary search, because times rise with seqs.
fn seq_at_time(project: ProjectId, time: Micros) -> Result<Seq> {
    let (mut low, mut high) = (Seq::ZERO, head_seq(project)?);
    while low < high {
        let middle = low.middle(high);
        match committed_at(project, middle)? {
            Some(at) if at <= time => low = middle,
            _ => high = middle.before(),
        }
    }
    Ok(low)
}
