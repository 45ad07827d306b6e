//! Zip. The central directory says what is there; a local header that says another name or mode is refused.

use super::{Intake, broken, check_directory, regular, unusable};
use crate::archive::{EXTRA_MODE, Member};
use crate::error::Result;
use crate::interrupt;
use crate::mode::Mode;
use flate2::read::DeflateDecoder;
use rawzip::extra_fields::{ExtraFieldId, ExtraFields};
use rawzip::{
    CompressionMethod, CreatorSystem, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, VersionMadeBy, ZipArchive,
};
use std::io::{Read, Seek};

const TYPE_BITS: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// Name and extra fields of a local header: 64 KiB each.
const LOCAL_HEADER_BYTES: usize = 2 << 16;

pub fn read<R: Read + Seek, F: FnMut(Member) -> Result<()>>(
    source: R,
    intake: &mut Intake<'_, F>,
) -> Result<()> {
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut local = vec![0; LOCAL_HEADER_BYTES];
    let archive = ZipArchive::from_seekable(source, &mut buffer).map_err(broken)?;
    // Who says that there are fewer is found out at the end.
    let expected = usize::try_from(archive.entries_hint()).unwrap_or(usize::MAX);
    interrupt::room(intake.limits.bytes_per_file.saturating_mul(expected))?;
    let mut entries = archive.entries(&mut buffer);
    let mut count = 0;
    while let Some(entry) = entries.next_entry().map_err(broken)? {
        count += 1;
        let name = entry.file_path();
        let name = name.as_bytes();
        let mode = entry.mode().value();
        let method = entry.compression_method();
        let file = archive.get_entry(entry.wayfinder()).map_err(broken)?;
        let header = file.local_header(&mut local).map_err(broken)?;
        if header.file_path().as_bytes() != name
            || has_other_name(entry.extra_fields(), name)
            || has_other_name(header.extra_fields(), name)
        {
            return Err(unusable("a file has two names", &String::from_utf8_lossy(name)));
        }
        if has_other_mode(header.extra_fields(), entry.version_made_by(), entry.external_attributes()) {
            return Err(unusable("a file has two modes", &String::from_utf8_lossy(name)));
        }
        if entry.is_dir() || mode & TYPE_BITS == DIRECTORY {
            check_directory(name)?;
            continue;
        }
        let path = intake.open(name)?;
        let mode = match mode & TYPE_BITS {
            0 | REGULAR => regular(mode),
            SYMLINK => Mode::Symlink,
            _ => return Err(unusable("it holds more than files, directories and symlinks", path.as_str())),
        };
        if entry.flags().is_encrypted() {
            return Err(unusable("it is encrypted", path.as_str()));
        }
        let bytes = match method {
            CompressionMethod::STORE => intake.content(&path, file.verifying_reader(file.reader()))?,
            CompressionMethod::DEFLATE => {
                intake.content(&path, file.verifying_reader(DeflateDecoder::new(file.reader())))?
            }
            _ => return Err(unusable("it is compressed by other means than deflate", path.as_str())),
        };
        intake.close(path, mode, bytes)?;
    }
    if count != archive.entries_hint() {
        return Err(broken("it has not as many entries as it says"));
    }
    Ok(())
}

/// Whether the extra field of Info-ZIP for a name in Unicode says something else: version, CRC-32 of the name, the name.
fn has_other_name(mut fields: ExtraFields<'_>, name: &[u8]) -> bool {
    fields.any(|(id, value)| id == ExtraFieldId::INFO_ZIP_UNICODE_PATH && value.get(5..) != Some(name))
}

/// Whether quire's extra field of a local header says another mode than the central one.
fn has_other_mode(mut fields: ExtraFields<'_>, made_by: VersionMadeBy, attributes: u32) -> bool {
    fields.any(|(id, value)| match value {
        [low, high] if id == ExtraFieldId::new(EXTRA_MODE) => {
            let mode = u16::from_le_bytes([*low, *high]);
            made_by.creator_system() != CreatorSystem::UNIX || attributes >> 16 != u32::from(mode)
        }
        _ => false,
    })
}
