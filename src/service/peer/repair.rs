//! A bundle that is here and comes again is a good copy of what may be corrupt here.

use crate::gate::Access;
use crate::ids::Seq;
use crate::service::recovery;
use quire_core::error::Result;
use quire_core::op::Op;
use quire_core::peer::Bundle;

/// Repairs what is corrupt here and sound in the copy. Returns a sentence for each repair.
pub fn repair(access: &Access, seq: Seq, copy: &Bundle) -> Result<Vec<String>> {
    let ops: Vec<&Op> = copy.ops.iter().map(|sent| &sent.op).collect();
    let mut repaired = recovery::repair_contents(access, seq, &copy.contents)?;
    repaired.extend(recovery::repair_ops(access, seq, &ops)?);
    if copy.header.seq == seq {
        repaired.extend(recovery::repair_header(access, seq, &copy.header)?);
    }
    Ok(repaired)
}
