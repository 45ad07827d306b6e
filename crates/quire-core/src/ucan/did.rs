//! `did:key` identifiers of Ed25519 keys.

use crate::error::{Error, Result};
use crate::text::shorten;
use ed25519_dalek::{Signature, VerifyingKey};
use std::fmt;

const PREFIX: &str = "did:key:z";
/// The multicodec of Ed25519 public keys, as a varint.
const ED25519: [u8; 2] = [0xed, 0x01];
/// Longest base58 text of 34 bytes.
const MAX_BASE58: usize = 48;

/// Somebody who signs with an Ed25519 key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Did(String, [u8; 32]);

impl Did {
    /// From `did:key:z...`, in its one form.
    pub fn read(text: &str) -> Option<Self> {
        let base58 = text.strip_prefix(PREFIX).filter(|base58| base58.len() <= MAX_BASE58)?;
        let mut bytes = [0; 34];
        let length = bs58::decode(base58).onto(&mut bytes).ok()?;
        let key: [u8; 32] = bytes.get(..length)?.strip_prefix(&ED25519)?.try_into().ok()?;
        let did = Self::of_key(&key);
        // A point that is none, or of small order, signs for nobody.
        let is_somebodys = VerifyingKey::from_bytes(&key).is_ok_and(|key| !key.is_weak());
        (is_somebodys && did.0 == text).then_some(did)
    }

    /// From an argument (22023).
    pub fn parse(argument: &'static str, text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::validation(format!("{argument} must be a did:key of an Ed25519 key"))
                .with("argument", argument)
                .with("did", shorten(text))
        })
    }

    /// Of a key.
    fn of_key(key: &[u8; 32]) -> Self {
        let bytes = [&ED25519[..], key].concat();
        Self(format!("{PREFIX}{}", bs58::encode(bytes).into_string()), *key)
    }

    /// Whether they have signed it.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&self.1)
            .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
