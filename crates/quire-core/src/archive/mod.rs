//! Archives of a project: zip, and tar compressed with zstd.
//!
//! [`Writer`] makes them from content as it is stored, a part at a time: the same calls give the same bytes, whatever
//! the host or the hour, and memory grows with the number of files only. [`read`] takes archives of anybody: every
//! name and link obeys the rules of [`FilePath`], limits hold for what really comes out, whatever headers claim. Of what
//! [`Writer`] made, a byte that changed is noticed, or changes nothing of what comes out.
//!
//! Owns no policy: which files go in, what becomes of those that come out, and how much is allowed are the caller's.
//! Gzip is not read.

mod delta;
mod frame;
mod listing;
mod reader;
mod recipe;
mod writer;

pub use delta::{DELTA_PATH, Delta};
pub use reader::{read, read_below};
pub use recipe::{Recipe, RecipeStep, steps, stored_bytes};
pub use writer::{Sink, Writer};

use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::mode::Mode;
use crate::path::FilePath;
use crate::text::shorten;
use crate::timestamp::Micros;

/// What an archive looks like from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Zip, deflated.
    Zip,
    /// Tar in zstd frames.
    TarZst,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 2] = [Format::Zip, Format::TarZst];

    /// From `zip` or `tar.zst`.
    pub fn parse(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str);
            Error::validation(format!("format must be {}", known.join(" or "))).with("format", shorten(text))
        })
    }

    /// The name, which is also the file extension.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Zip => "zip",
            Format::TarZst => "tar.zst",
        }
    }

    /// The media type (RFC 6838).
    pub const fn media_type(self) -> &'static str {
        match self {
            Format::Zip => "application/zip",
            Format::TarZst => "application/zstd",
        }
    }

    /// What these bytes begin.
    pub fn detect(start: &[u8]) -> Option<Self> {
        match start {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Format::Zip),
            // A frame with content, or one that readers skip.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Format::TarZst),
            _ => None,
        }
    }
}

/// Extra field of a local header in a zip: the mode of Unix, which otherwise stands in the central header only. The number is
/// one that nobody else uses.
const EXTRA_MODE: u16 = 0x7571;

/// A file on its way into an archive.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where.
    pub path: &'a str,
    /// Its mode bits.
    pub mode: Mode,
    /// Bytes of its content.
    pub size: u64,
    /// BLAKE3 of its content.
    pub hash: Hash,
    /// When it was changed. Archives hold whole seconds, and zip no time before 1980 or after 2107.
    pub modified_at: Micros,
}

/// A file that came out of an archive.
#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    /// Where.
    pub path: FilePath,
    /// Its mode bits.
    pub mode: Mode,
    /// Its content; of a symlink, the target.
    pub bytes: Vec<u8>,
}

/// How much may come out of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files, symlinks included.
    pub max_files: u64,
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// Bytes of all files.
    pub max_total_bytes: u64,
    /// Bytes of the names of all files: names compress to nothing, and are kept.
    pub max_name_bytes: u64,
    /// Memory that each file will take later, of whoever wants them all: what there is too little memory for is refused while
    /// it is read.
    pub bytes_per_file: usize,
}

#[cfg(test)]
mod tests;
