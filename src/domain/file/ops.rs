//! How operations on files arrive as JSON.

use crate::args::file_type_arg;
use crate::blob;
use crate::domain::interface::Brought;
use crate::gate::Access;
use crate::ids::Version;
use quire_core::error::{Error, Result};
use quire_core::interrupt;
use quire_core::json::{Members, decode_base64};
use quire_core::mode::Mode;
use quire_core::path::FilePath;
use quire_core::tree::FileEdit;

/// One of `file.put`, `file.delete` and `file.move`.
pub fn edit(access: &Access, op: &str, mut members: Members) -> Result<(FileEdit, Option<Brought>)> {
    let edit = match op {
        "file.put" => return put(access, members).map(|(edit, brought)| (edit, Some(brought))),
        "file.delete" => FileEdit::Delete {
            path: FilePath::parse(members.str("file_path")?)?,
            expected_version: members.opt_i32("expected_version")?.map(Version),
        },
        _ => FileEdit::Move {
            from: FilePath::parse(members.str("from_path")?)?,
            to: FilePath::parse(members.str("to_path")?)?,
            expected_version: members.opt_i32("expected_version")?.map(Version),
        },
    };
    members.finish()?;
    Ok((edit, None))
}

/// `{file_path, content | content_base64, file_type?, mode?, expected_version?}`
pub fn put(access: &Access, mut members: Members) -> Result<(FileEdit, Brought)> {
    let path = FilePath::parse(members.str("file_path")?)?;
    let file_type = file_type_arg("file_type", members.opt_str("file_type")?)?;
    let mode = members.opt_str("mode")?.map(Mode::parse).transpose()?;
    let expected_version = members.opt_i32("expected_version")?.map(Version);
    let bytes = match (members.opt_str("content")?, members.opt_str("content_base64")?) {
        (Some(text), None) => {
            interrupt::room(text.len())?;
            text.as_bytes().to_vec()
        }
        (None, Some(base64)) => {
            interrupt::room(base64.len())?;
            decode_base64(base64).map_err(|error| error.with("file_path", path.as_str()))?
        }
        _ => {
            return Err(Error::validation("a file needs either content or content_base64")
                .with("file_path", path.as_str()));
        }
    };
    members.finish()?;
    let content = blob::describe(access, path.as_str(), &bytes)?;
    Ok((
        FileEdit::Put { path, file_type, mode, content: content.clone(), expected_version },
        (content, bytes),
    ))
}
