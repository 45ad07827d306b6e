//! UCAN tokens, version 0.10: rights in a project that people delegate to each other by signatures, without a server.
//!
//! Owns: the form of a token (a JWT), its signature, its chain of proofs, what it allows.
//! Promises: a token that is verified was signed by its issuer, and each right in it by a chain of issuers that begins with the root;
//! what is read and checked is bounded before it is decoded.
//! Does not: know which root a project has, the time, or what was revoked; the caller asks [`Ucan::window`] and [`Ucan::cids`].
//!
//! # What is accepted
//!
//! A token is a JWT with the header `{"alg":"EdDSA","typ":"JWT"}` and the members of the specification and no others: `ucv` (0.10.x),
//! `iss`, `aud` (both `did:key` of Ed25519), `nbf`, `exp`, `nnc`, `fct`, `cap` and `prf`. A proof is named by its canonical CID (CIDv1,
//! raw, SHA2-256, base32). The signature is checked as RFC 8032 and strictly: no keys or points of small order.
//!
//! | resource | ability | allows |
//! |---|---|---|
//! | `space:<project uuid>` | `space/read` | to read documents and branches |
//! | `space:<project uuid>` | `space/write` | to write every document, and make, merge, close and delete branches |
//! | `space:<project uuid>` | `doc/write` | to write every document |
//! | `doc:<project uuid>/<glob>` | `doc/write` | to write the documents whose name matches, on every branch |
//! | `branch:<project uuid>/<branch>` | `doc/write` | to write every document on this branch |
//!
//! Abilities have no case. `*` and `space/*` on a space stand for `space/read` and `space/write`; elsewhere `*` and `doc/*` stand for
//! `doc/write`.
//! Other resources, and abilities on these that are not listed, belong to somebody else and allow nothing here, but are delegated by the
//! same rules. `ucan:` resources, which pass on whatever somebody has, pass on nothing.
//!
//! # What is bound
//!
//! Facts and caveats may say `baseHeadsRoot`, `changesRoot` and `changeCount`, any of them: what is submitted then has to be so
//! ([`crate::submission`]). Facts bind the token and all that rests on it, a caveat its capability. What is bound allows to submit this,
//! and nothing else. Other facts say nothing here; a caveat with other members is not known, and what is under it allows nothing.

mod binding;
mod cap;
mod did;
mod jwt;
#[cfg(test)]
mod tests;

use binding::Binding;
pub use cap::Cap;
pub use did::Did;

use crate::ability::Need;
use crate::error::{Code, Error, Result};
use crate::id::{ProjectId, TokenId};
use crate::interrupt;
use crate::timestamp::Micros;
use crate::token::{MAX_TOKEN_BYTES, invalid};
use cid::Cid;
use cid::multihash::Multihash;
use jwt::Jwt;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::rc::Rc;

/// Longest token and longest proof, in bytes: as of any token.
pub const MAX_UCAN_BYTES: usize = MAX_TOKEN_BYTES;
/// Most proofs that come with a token.
pub const MAX_PROOFS: usize = 16;
/// Most delegations from the root to the token that is presented.
pub const MAX_DEPTH: usize = 8;
/// Most capabilities of one token.
pub const MAX_NAMED: usize = 64;

/// CIDs of bytes as they are.
const RAW: u64 = 0x55;
const SHA2_256: u64 = 0x12;

/// Whether a text begins as a JWT does, and no other token: with `{"`.
pub fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ")
}

/// Room for any digest.
type Digest256 = Multihash<64>;

/// The canonical CID of a token.
pub fn cid_of(text: &str) -> String {
    let digest = Digest256::wrap(SHA2_256, &Sha256::digest(text.as_bytes())).expect("32 bytes fit");
    Cid::new_v1(RAW, digest).to_string()
}

/// Checks a canonical CID (22023).
pub fn check_cid(text: &str) -> Result<()> {
    let is_canonical = text.len() <= 100
        && Cid::try_from(text).is_ok_and(|cid| {
            cid.codec() == RAW
                && cid.hash().code() == SHA2_256
                && cid.hash().size() == 32
                && cid.to_string() == text
        });
    if is_canonical {
        return Ok(());
    }
    Err(Error::validation("cid is not a CIDv1 of raw bytes and SHA2-256 in base32")
        .with("argument", "cid")
        .with("cid", crate::text::shorten(text)))
}

/// The id of a token by its CID: the first half of the digest, as a UUID of version 8. Whoever wants one of another token has to find a
/// second preimage of that.
pub fn token_id(cid: &str) -> TokenId {
    let mut bytes = [0; 16];
    let digest = Cid::try_from(cid).map(|cid| cid.hash().digest().to_vec()).unwrap_or_default();
    bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
    TokenId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// When something is valid, in seconds since 1970: from the first, and before the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The first second.
    pub from: u64,
    /// The first second after it; `None` is never.
    pub before: Option<u64>,
}

impl Window {
    /// Whether another one is a part of it.
    fn holds(self, other: Window) -> bool {
        self.from <= other.from
            && self.before.is_none_or(|ours| other.before.is_some_and(|theirs| theirs <= ours))
    }

    /// Whether it has begun.
    pub fn has_begun(self, now: Micros) -> bool {
        i128::from(self.from) * 1_000_000 <= i128::from(now)
    }

    /// Whether it is over.
    pub fn is_over(self, now: Micros) -> bool {
        self.before.is_some_and(|before| i128::from(before) * 1_000_000 <= i128::from(now))
    }
}

/// What is wrong with more proofs than there may be.
pub fn too_many_proofs() -> Error {
    Error::limit(format!("a UCAN comes with at most {MAX_PROOFS} proofs"), MAX_PROOFS)
        .with("argument", "proofs")
}

/// Refuses a token or a proof that is too long (PT413).
pub fn check_size(text: &str) -> Result<()> {
    if text.len() <= MAX_UCAN_BYTES {
        return Ok(());
    }
    Err(Error::limit(format!("a UCAN has at most {MAX_UCAN_BYTES} bytes"), MAX_UCAN_BYTES)
        .with("size", text.len()))
}

/// What is wrong with a chain that is too long.
fn too_deep() -> Error {
    Error::limit(format!("a chain of UCANs has at most {MAX_DEPTH} delegations"), MAX_DEPTH)
        .with("argument", "proofs")
}

/// The proofs of a token, and those of these.
struct Chain<'a> {
    given: HashMap<String, &'a str>,
    root: &'a Did,
    /// Proofs whose signatures and proofs were looked at already.
    checked: HashMap<String, Rc<Proof>>,
}

/// What a proof is good for.
struct Proof {
    audience: Did,
    binding: Binding,
    window: Window,
    caps: Vec<Cap>,
    /// How many delegations the longest chain has that ends with it.
    depth: usize,
}

impl<'a> Chain<'a> {
    fn of(proofs: &[&'a str], root: &'a Did) -> Self {
        let given = proofs.iter().map(|text| (cid_of(text), *text)).collect();
        Self { given, root, checked: HashMap::new() }
    }

    /// Refuses a token that is not signed, or has a capability that none of its proofs covers; how long its chain is. A proof is looked at
    /// once, however many name it.
    fn check(&mut self, jwt: &Jwt, above: usize) -> Result<usize> {
        interrupt::check()?;
        if above >= MAX_DEPTH {
            return Err(too_deep());
        }
        jwt.check_signature()?;
        let mut proofs = Vec::with_capacity(jwt.proofs.len());
        for cid in &jwt.proofs {
            proofs.push(self.proof(cid, above + 1)?);
        }
        let mut depth = 1;
        for proof in &proofs {
            if proof.audience != jwt.issuer || !proof.window.holds(jwt.window) {
                return Err(invalid());
            }
            depth = depth.max(proof.depth + 1);
        }
        let is_roots = jwt.issuer == *self.root;
        for cap in &jwt.caps {
            interrupt::check()?;
            if !is_roots && !proofs.iter().flat_map(|proof| &proof.caps).any(|ours| ours.covers(cap)) {
                return Err(invalid());
            }
        }
        Ok(depth)
    }

    fn proof(&mut self, cid: &str, above: usize) -> Result<Rc<Proof>> {
        if let Some(proof) = self.checked.get(cid) {
            // By another way it may be further from the token that is presented.
            if above + proof.depth > MAX_DEPTH {
                return Err(too_deep());
            }
            return Ok(Rc::clone(proof));
        }
        let text = self.given.get(cid).copied().ok_or_else(invalid)?;
        let jwt = Jwt::parse(text)?;
        let depth = self.check(&jwt, above)?;
        let Jwt { audience, binding, window, caps, .. } = jwt;
        let proof = Rc::new(Proof { audience, binding, window, caps, depth });
        self.checked.insert(cid.to_owned(), Rc::clone(&proof));
        Ok(proof)
    }
}

/// A token whose chain is sound. It may still be another root's, over, not begun, or have a proof that was revoked.
#[derive(Clone, PartialEq, Debug)]
pub struct Ucan {
    project: ProjectId,
    root: Did,
    issuer: Did,
    caps: Vec<Cap>,
    /// What it and its proofs are bound to, each of them.
    bindings: Vec<Binding>,
    window: Window,
    cid: String,
    cids: Vec<String>,
}

impl Ucan {
    /// The token of a text that is presented, if it is about one project, ends, is signed, and each of its capabilities comes by a chain of
    /// proofs from whom it is addressed to, which is its root: the caller knows which root the project has.
    ///
    /// Errors: `LimitError` for too many or too long texts, or too long a chain; `UnauthorizedError` for whatever else is wrong.
    pub fn verify(text: &str, proofs: &[&str]) -> Result<Self> {
        if proofs.len() > MAX_PROOFS {
            return Err(too_many_proofs());
        }
        std::iter::once(&text).chain(proofs).try_for_each(|text| check_size(text))?;
        let jwt = Jwt::parse(text)?;
        let mut projects = jwt.caps.iter().filter_map(Cap::project);
        let project = projects.next().ok_or_else(invalid)?;
        let is_of_one = projects.all(|other| other == project);
        if !is_of_one || jwt.window.before.is_none() {
            return Err(invalid());
        }
        let mut chain = Chain::of(proofs, &jwt.audience);
        chain.check(&jwt, 0)?;
        let proofs = chain.checked;
        let bindings = std::iter::once(jwt.binding).chain(proofs.values().map(|proof| proof.binding));
        let bindings = bindings.filter(|binding| !binding.is_empty()).collect();
        let mut cids: Vec<String> = proofs.into_keys().collect();
        cids.sort_unstable();
        let Jwt { audience: root, issuer, caps, window, cid, .. } = jwt;
        Ok(Self { project, root, issuer, caps, bindings, window, cid, cids })
    }

    /// The only project it is for.
    pub fn project(&self) -> ProjectId {
        self.project
    }

    /// Where its rights come from, if the project says so.
    pub fn root(&self) -> &Did {
        &self.root
    }

    /// Who signed it.
    pub fn issuer(&self) -> &Did {
        &self.issuer
    }

    /// Its own CID.
    pub fn cid(&self) -> &str {
        &self.cid
    }

    /// The CIDs of it and of all that it rests on.
    pub fn cids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.cid).chain(&self.cids).map(String::as_str)
    }

    /// The ids of these.
    pub fn token_ids(&self) -> impl Iterator<Item = TokenId> {
        self.cids().map(token_id)
    }

    /// When it is valid. Each proof is valid all that time.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Refuses one that has not begun.
    pub fn require_begun(&self, now: Micros) -> Result<()> {
        if self.window.has_begun(now) {
            return Ok(());
        }
        Err(Error::new(Code::Unauthorized, "this token is not valid yet"))
    }

    /// When it ends, in microseconds since 1970.
    pub fn expires_at(&self) -> Micros {
        let before = self.window.before.and_then(|before| i64::try_from(before).ok());
        before.and_then(|before| before.checked_mul(1_000_000)).unwrap_or(Micros::MAX)
    }

    /// Its capabilities, for showing: `ability resource`.
    pub fn abilities(&self) -> impl Iterator<Item = String> {
        self.caps.iter().map(ToString::to_string)
    }

    /// Whether it, or one of its capabilities, is bound to a submission.
    pub fn is_bound(&self) -> bool {
        !self.bindings.is_empty() || self.caps.iter().any(Cap::is_bound)
    }

    /// Whether it allows something. Asks neither the clock nor what was revoked.
    pub fn allows(&self, need: Need<'_>) -> bool {
        self.bindings.iter().all(|binding| binding.allows(need))
            && self.caps.iter().any(|cap| cap.allows(need))
    }
}
