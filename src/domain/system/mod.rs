//! Operations that quire makes itself: they change no content, and stand in their bundle's row.

mod store;

use super::interface::{Applied, Brought, Domain, Writing};
use crate::gate::Access;
use quire_core::error::{Error, Result};
use quire_core::json::Members;
use quire_core::op::Edit;

/// The domain.
pub struct System;

impl Domain for System {
    fn ops(&self) -> &'static [&'static str] {
        &[]
    }

    fn stage(&self, _access: &Access, _op: &str, _members: Members) -> Result<(Edit, Option<Brought>)> {
        Err(Error::internal("nobody asks for an operation of the system"))
    }

    fn check_sizes(&self, _writing: &Writing, _edits: &[Edit]) -> Result<()> {
        Ok(())
    }

    fn apply(&self, _writing: &Writing, _edits: Vec<Edit>) -> Result<Box<dyn Applied>> {
        Err(Error::internal("nobody asks for an operation of the system"))
    }
}
