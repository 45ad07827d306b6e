//! Whether stored content can be read.

use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::timestamp::{Micros, rfc3339};

/// Where the bytes of a blob are. Numbers are stored; new ones may be added, none may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Here.
    Present = 0,
    /// With an owner, who can bring them back.
    Archived = 1,
    /// Nowhere: nothing needed them.
    Collected = 2,
    /// Here, and corrupt; the reason is the entry in quarantine.
    Quarantined = 3,
}

impl State {
    /// From the stored number.
    pub fn from_stored(number: i16) -> Result<Self> {
        match number {
            0 => Ok(State::Present),
            1 => Ok(State::Archived),
            2 => Ok(State::Collected),
            3 => Ok(State::Quarantined),
            _ => Err(Error::new(Code::Corrupt, "unknown state of content").with("state", number)),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Present => "present",
            State::Archived => "archived",
            State::Collected => "collected",
            State::Quarantined => "quarantined",
        }
    }
}

/// A blob, but for its bytes.
pub struct Stored {
    /// Where they are.
    pub state: State,
    /// How many they are.
    pub size: i64,
    /// Since when they are not here.
    pub at: Option<Micros>,
    /// Why.
    pub why: Option<String>,
}

impl Stored {
    /// The error for whoever wants the bytes: PT410, or XX001 for what is corrupt.
    pub fn gone(&self, hash: &Hash) -> Error {
        if self.state == State::Quarantined {
            return Error::new(Code::Corrupt, "stored content is corrupt and in quarantine")
                .with("content_hash", hash.to_hex())
                .with("quarantine_id", self.why.clone())
                .hint("repair writes it again from a copy, discard_quarantined discards it");
        }
        let error = Error::new(Code::Gone, format!("content is unavailable: {}", self.state.as_str()))
            .with("content_hash", hash.to_hex())
            .with("state", self.state.as_str())
            .with("when", self.at.map(rfc3339))
            .with("why", self.why.clone());
        match self.state {
            State::Archived => error.hint("an owner can bring it back with restore_blob"),
            _ => error.hint("writing the same bytes again brings it back"),
        }
    }
}
