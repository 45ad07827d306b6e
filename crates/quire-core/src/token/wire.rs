//! The text form of a token: blocks of canonical JSON and a tag.

use super::tag::{TAG_BYTES, Tag};
use super::{Claims, MAX_NARROWINGS, MAX_TOKEN_BYTES, Narrowing, Root, check_expiry};
use crate::ability::Abilities;
use crate::error::{Error, Result};
use crate::id::{KeyId, ProjectId, TokenId};
use crate::json::canonical;
use crate::timestamp::Micros;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::fmt;

const PREFIX: &str = "quire1.";

/// A token taken apart, not understood: the bytes that are hashed, and what the hash is said to be.
pub struct Wire {
    root: Vec<u8>,
    narrowings: Vec<Vec<u8>>,
    tag: Tag,
}

impl Wire {
    /// A token of this root block alone.
    pub fn minted(secret: &[u8; 32], root: Vec<u8>) -> Self {
        let tag = Tag::of_root(secret, &root);
        Self { root, narrowings: Vec::new(), tag }
    }

    /// The same token with one more narrowing.
    pub fn narrowed(mut self, block: Vec<u8>) -> Self {
        self.tag = self.tag.narrowed(&block);
        self.narrowings.push(block);
        self
    }

    /// Whether the tag is that of these blocks under `secret`.
    pub fn is_from(&self, secret: &[u8; 32]) -> bool {
        let first = Tag::of_root(secret, &self.root);
        self.narrowings.iter().fold(first, |tag, block| tag.narrowed(block)) == self.tag
    }

    /// Takes a text apart.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TOKEN_BYTES {
            return None;
        }
        // The engine refuses padding and stray last bits, so that a token has one text only.
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (mut rest, tag) = bytes.split_last_chunk::<TAG_BYTES>()?;
        let root = take_block(&mut rest)?.to_vec();
        let mut narrowings = Vec::new();
        while !rest.is_empty() {
            if narrowings.len() == MAX_NARROWINGS {
                return None;
            }
            narrowings.push(take_block(&mut rest)?.to_vec());
        }
        Some(Self { root, narrowings, tag: Tag::from_bytes(*tag) })
    }

    /// The text form; PT413 if it is too long.
    pub fn to_text(&self) -> Result<String> {
        let too_long = || {
            Error::limit(format!("the token would be longer than {MAX_TOKEN_BYTES} bytes"), MAX_TOKEN_BYTES)
                .hint("use fewer or shorter abilities")
        };
        let mut bytes = Vec::new();
        for block in std::iter::once(&self.root).chain(&self.narrowings) {
            let length = u16::try_from(block.len()).map_err(|_| too_long())?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(block);
        }
        bytes.extend_from_slice(self.tag.as_bytes());
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        if text.len() > MAX_TOKEN_BYTES { Err(too_long()) } else { Ok(text) }
    }

    /// What the blocks say. The error is for no caller's eyes.
    pub fn claims(&self) -> Result<Claims> {
        let narrowings = self.narrowings.iter().map(|block| read_narrowing(block)).collect::<Result<_>>()?;
        Ok(Claims { root: read_root(&self.root)?, narrowings })
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

/// The next block of `rest`, which then begins behind it.
fn take_block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk::<2>()?;
    let (block, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = behind;
    Some(block)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootBlock {
    key: KeyId,
    token: TokenId,
    project: ProjectId,
    abilities: Vec<String>,
    expires_at: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_uses: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NarrowingBlock {
    abilities: Vec<String>,
    expires_at: Micros,
}

/// The canonical block of a root.
pub fn root_block(root: &Root) -> Result<Vec<u8>> {
    canonical(&RootBlock {
        key: root.key,
        token: root.token,
        project: root.project,
        abilities: root.abilities.texts().map(str::to_owned).collect(),
        expires_at: root.expires_at,
        audience: root.audience.clone(),
        max_uses: root.max_uses,
    })
}

/// The canonical block of a narrowing.
pub fn narrowing_block(abilities: &Abilities, expires_at: Micros) -> Result<Vec<u8>> {
    canonical(&NarrowingBlock { abilities: abilities.texts().map(str::to_owned).collect(), expires_at })
}

fn read_root(bytes: &[u8]) -> Result<Root> {
    let block: RootBlock = read(bytes)?;
    let root = Root {
        key: block.key,
        token: block.token,
        project: block.project,
        abilities: Abilities::parse(&block.abilities)?,
        expires_at: block.expires_at,
        audience: block.audience,
        max_uses: block.max_uses,
    };
    root.check()?;
    same(bytes, &root_block(&root)?)?;
    Ok(root)
}

fn read_narrowing(bytes: &[u8]) -> Result<Narrowing> {
    let block: NarrowingBlock = read(bytes)?;
    let abilities = Abilities::parse(&block.abilities)?;
    check_expiry(block.expires_at)?;
    same(bytes, &narrowing_block(&abilities, block.expires_at)?)?;
    Ok(Narrowing { abilities, expires_at: block.expires_at })
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|_| Error::validation("a block is not what it should be"))
}

/// Refuses a block that is not its own canonical form: two texts must not mean the same.
fn same(bytes: &[u8], canonical: &[u8]) -> Result<()> {
    if bytes == canonical { Ok(()) } else { Err(Error::validation("a block is not in canonical form")) }
}
