//! A bundle that we have and that comes again: a good copy of what may be corrupt here.

use crate::gate::Access;
use crate::ids::Seq;
use crate::service::recovery;
use quire_core::error::Result;
use quire_core::op::Op;
use quire_core::peer::Bundle;

/// Mends what is corrupt here and sound in the copy; what that was, in words.
pub fn heal(access: &Access, seq: Seq, copy: &Bundle) -> Result<Vec<String>> {
    let ops: Vec<&Op> = copy.ops.iter().map(|sent| &sent.op).collect();
    let mut healed = recovery::heal_contents(access, seq, &copy.contents)?;
    healed.extend(recovery::heal_ops(access, seq, &ops)?);
    if copy.header.seq == seq {
        healed.extend(recovery::heal_header(access, seq, &copy.header)?);
    }
    Ok(healed)
}
