//! Whether a token that the gate has found still counts.

use crate::db::clock::now;
use quire_core::error::{Code, Error, Result};
use quire_core::reason::Reason;
use quire_core::timestamp::Micros;

/// Refuses a bound token that has expired or been revoked meanwhile.
pub fn refuse_dead(expires_at: Micros, is_revoked: bool) -> Result<()> {
    if is_revoked {
        return Err(gone(Reason::Revoked, "this token has been revoked"));
    }
    if now() >= expires_at {
        return Err(gone(Reason::Expired, "this token has expired"));
    }
    Ok(())
}

pub fn gone(reason: Reason, message: &str) -> Error {
    Error::new(Code::Gone, message).because(reason)
}
