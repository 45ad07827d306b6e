//! One UCAN as a JWT: its members, read strictly, and its signature.

use super::binding::Binding;
use super::cap::{Cap, Capabilities, NamedOnce};
use super::{Did, MAX_PROOFS, Window, check_size, cid_of};
use crate::error::Result;
use crate::json::read;
use crate::token::invalid;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use std::fmt;

/// A token whose members have the right form. Who signed it is checked by [`Jwt::check_signature`].
pub struct Jwt {
    pub issuer: Did,
    pub audience: Did,
    pub window: Window,
    pub caps: Vec<Cap>,
    /// What all of it is bound to.
    pub binding: Binding,
    pub proofs: Vec<String>,
    pub cid: String,
    signed: String,
    signature: [u8; 64],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    ucv: String,
    iss: String,
    aud: String,
    #[serde(default)]
    nbf: u64,
    /// There, and null where it never ends.
    #[serde(deserialize_with = "present")]
    exp: Option<u64>,
    #[serde(default, rename = "nnc")]
    _nnc: Option<String>,
    #[serde(default)]
    fct: NamedOnce<Value>,
    cap: Capabilities,
    #[serde(default)]
    prf: Vec<String>,
}

/// A member that may be null and must be there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<u64>, D::Error> {
    let value = Option::<u64>::deserialize(deserializer)?;
    if value.is_some_and(|seconds| i64::try_from(seconds).is_err()) {
        return Err(D::Error::custom("a time is too late"));
    }
    Ok(value)
}

impl Jwt {
    /// Takes a token apart. The answer is the same whatever is wrong with it, but for its length.
    pub fn parse(text: &str) -> Result<Self> {
        check_size(text)?;
        let (signed, signature) = text.rsplit_once('.').ok_or_else(invalid)?;
        let (header, payload) = signed.split_once('.').ok_or_else(invalid)?;
        let header: Header = part(header)?;
        if header.alg != "EdDSA" || header.typ != "JWT" {
            return Err(invalid());
        }
        let payload: Payload = part(payload)?;
        let is_of_version = payload.ucv.strip_prefix("0.10.").is_some_and(|patch| {
            patch.bytes().all(|byte| byte.is_ascii_digit()) && patch.parse::<u16>().is_ok()
        });
        let is_twice = |(at, proof): (usize, &String)| payload.prf[..at].contains(proof);
        if !is_of_version || payload.prf.len() > MAX_PROOFS || payload.prf.iter().enumerate().any(is_twice) {
            return Err(invalid());
        }
        let did = |text: &str| Did::read(text).ok_or_else(invalid);
        // The engine refuses padding and stray last bits, so that a token has one text only.
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid())?;
        Ok(Self {
            issuer: did(&payload.iss)?,
            audience: did(&payload.aud)?,
            window: Window { from: payload.nbf, before: payload.exp },
            caps: payload.cap.caps()?,
            binding: Binding::of_facts(&payload.fct.into_map())?,
            proofs: payload.prf,
            cid: cid_of(text),
            signed: signed.to_owned(),
            signature: signature.try_into().map_err(|_| invalid())?,
        })
    }

    /// Refuses one that its issuer has not signed.
    pub fn check_signature(&self) -> Result<()> {
        if self.issuer.has_signed(self.signed.as_bytes(), &self.signature) { Ok(()) } else { Err(invalid()) }
    }
}

/// A part in base64url, read as JSON.
fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    read(&json, |_| invalid())
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
