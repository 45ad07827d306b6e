//! What came from a peer about branches: it stays there. Where a branch begins is a place of one log, and the peer's bundles have other
//! places here.

use crate::domain::incoming::{Arrival, Report, Stamps};
use quire_core::error::Result;
use quire_core::op::{Edit, Op};
use quire_core::peer::SentOp;

struct Left;

/// Says of each operation that it stays where it was made.
pub fn arrive<'a>() -> Box<dyn Arrival + 'a> {
    Box::new(Left)
}

impl Arrival for Left {
    fn apply(&mut self, sent: &SentOp, _stamps: &Stamps, report: &mut Report) -> Result<()> {
        if let Op::Branch(op) = &sent.op {
            report.is_verbatim = false;
            report
                .reasons
                .push(format!("{}: branches stay in the database that they were made in", op.describe()));
        }
        Ok(())
    }

    fn take_edits(&mut self) -> Vec<Edit> {
        Vec::new()
    }
}
