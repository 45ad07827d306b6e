//! What to do when somebody else changed the same thing meanwhile.

use crate::error::{Error, Result};
use crate::text::shorten;

/// The caller's choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnConflict {
    /// Refuse the whole bundle (PT409).
    #[default]
    Reject,
    /// Write, and keep the conflict open with everybody's value.
    Record,
    /// Leave out what is in conflict, and say what that is.
    Skip,
}

impl OnConflict {
    /// From `reject`, `record` or `skip`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "reject" => Ok(OnConflict::Reject),
            "record" => Ok(OnConflict::Record),
            "skip" => Ok(OnConflict::Skip),
            _ => Err(Error::validation("on_conflict must be reject, record or skip")
                .with("on_conflict", shorten(text))),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            OnConflict::Reject => "reject",
            OnConflict::Record => "record",
            OnConflict::Skip => "skip",
        }
    }
}
