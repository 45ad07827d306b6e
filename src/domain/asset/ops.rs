//! How operations on assets arrive as JSON.

use super::describe;
use crate::gate::Access;
use quire_core::asset::{AssetEdit, Source};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::json::{Members, decode_base64};
use quire_core::label::{Label, reason_of};
use quire_core::tree::Content;

/// An edit, with the content it brings.
type Arrived = (AssetEdit, Option<(Content, Vec<u8>)>);

/// `asset.put` or `asset.delete`.
pub fn edit(access: &Access, op: &str, mut members: Members) -> Result<Arrived> {
    if op == "asset.delete" {
        let hash = Hash::parse("content_hash", members.str("content_hash")?)?;
        let reason = members.opt_str("reason")?.map(reason_of).transpose()?;
        members.finish()?;
        return Ok((AssetEdit::Delete { hash, reason }, None));
    }
    let label =
        Label::parse(members.str("filename")?, members.str("media_type")?, members.str("asset_type")?)?;
    let given = (members.opt_str("content_base64")?, members.opt_str("content_hash")?);
    members.finish()?;
    match given {
        (Some(base64), None) => {
            let bytes =
                decode_base64(base64).map_err(|error| error.with("filename", label.filename.as_str()))?;
            let content = describe(access, &label.filename, &bytes)?;
            let edit = AssetEdit::Put { hash: content.hash, source: Source::Given(content.size), label };
            Ok((edit, Some((content, bytes))))
        }
        (None, Some(hash)) => {
            let hash = Hash::parse("content_hash", hash)?;
            Ok((AssetEdit::Put { hash, source: Source::Stored, label }, None))
        }
        _ => Err(Error::validation("an asset needs either content_base64 or content_hash")
            .with("filename", label.filename.as_str())),
    }
}
