//! What is said of an asset's content.

use crate::error::{Error, Result};
use crate::text::name;
use serde::Serialize;

/// Longest filename and media type, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// Longest type of an asset, in bytes.
const MAX_TYPE_BYTES: usize = 128;
/// Longest reason of a deletion, in bytes.
const MAX_REASON_BYTES: usize = 1024;

/// What is said of an asset's content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Label {
    /// How a download is called: one segment of a path.
    pub filename: String,
    /// `type/subtype`, with parameters if there are some.
    pub media_type: String,
    /// What it is to the application.
    pub asset_type: String,
}

impl Label {
    /// Checks the three (22023).
    pub fn parse(filename: &str, media_type: &str, asset_type: &str) -> Result<Self> {
        let filename = name("filename", filename, MAX_NAME_BYTES)?;
        if filename.contains(['/', '\\']) || filename == "." || filename == ".." {
            return Err(Error::validation("filename must be a name, not a path").with("argument", "filename"));
        }
        let media_type = name("media_type", media_type, MAX_NAME_BYTES)?;
        if !is_media_type(&media_type) {
            return Err(Error::validation("media_type must be like image/png").with("argument", "media_type"));
        }
        Ok(Self { filename, media_type, asset_type: asset_type_of(asset_type)? })
    }
}

/// The type of an asset, checked (22023).
pub fn asset_type_of(text: &str) -> Result<String> {
    name("asset_type", text, MAX_TYPE_BYTES)
}

/// The reason of a deletion, checked (22023).
pub fn reason_of(text: &str) -> Result<String> {
    name("reason", text, MAX_REASON_BYTES)
}

/// `type/subtype` of RFC 9110 tokens; parameters may be any printable ASCII.
fn is_media_type(text: &str) -> bool {
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    essence.trim_end().split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
        && parameters.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
