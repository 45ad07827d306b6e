//! Whether stored content can be read.

use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::timestamp::{Micros, rfc3339};

pub use quire_core::blob::BlobState;

/// That of a stored number; XX001 when it is none.
pub fn state_of(number: i16) -> Result<BlobState> {
    BlobState::of(number)
        .ok_or_else(|| Error::new(Code::Corrupt, "unknown state of content").with("state", number))
}

/// A blob, but for its bytes.
pub struct BlobRecord {
    /// Where they are.
    pub state: BlobState,
    /// How many they are.
    pub size: i64,
    /// Since when they are not here.
    pub at: Option<Micros>,
    /// Why.
    pub why: Option<String>,
}

impl BlobRecord {
    /// The error for whoever wants the bytes: PT410, or XX001 for what is corrupt.
    pub fn gone(&self, hash: &Hash) -> Error {
        if self.state == BlobState::Quarantined {
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
            BlobState::Archived => error.hint("an owner can bring it back with restore_blob"),
            _ => error.hint("writing the same bytes again brings it back"),
        }
    }
}
