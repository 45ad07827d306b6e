//! Making archives: one file after the other, each in the parts it is stored in.

mod tar;
mod zip;

use crate::archive::{DELTA_PATH, Entry, Format};
use crate::content::{CHUNK_BYTES, Codec};
use crate::error::{Code, Error, Result};
use crate::hash::Hash;
use crate::path::FilePath;
use std::io::{self, Write};

/// Where an archive goes. It may tell content that is written as it is stored from everything else, and keep only what
/// is new.
pub trait Sink: Write {
    /// The part of which content is written next, by the hash of the whole and its number; `None` when it is over.
    fn expect_part(&mut self, _part: Option<(Hash, u32)>) {}

    /// Bytes `from..` of the part that [`Writer::part`] has been given.
    fn stored(&mut self, bytes: &[u8], _from: usize) -> io::Result<()> {
        self.write_all(bytes)
    }
}

impl Sink for Vec<u8> {}

/// Writes an archive: for every file [`begin`](Self::begin), its parts, [`end`](Self::end); then
/// [`finish`](Self::finish). After an error, what was written so far is of no use.
pub struct Writer<W: Sink> {
    output: Output<W>,
    open: Option<Open>,
}

/// The file that is being written.
struct Open {
    /// Bytes that it still lacks.
    lacking: u64,
    /// What its content is to be.
    hash: Hash,
}

enum Output<W: Sink> {
    Zip(zip::Zip<W>),
    TarZst(Box<tar::TarZst<W>>),
}

impl<W: Sink> Writer<W> {
    /// An archive without files.
    pub fn new(format: Format, out: W) -> Result<Self> {
        let output = match format {
            Format::Zip => Output::Zip(zip::Zip::new(out)?),
            Format::TarZst => Output::TarZst(Box::new(tar::TarZst::new(out)?)),
        };
        Ok(Self { output, open: None })
    }

    /// Begins a file. The caller sorts them, and names none twice.
    pub fn begin(&mut self, entry: &Entry<'_>) -> Result<()> {
        if entry.path != DELTA_PATH {
            FilePath::parse(entry.path)?;
        }
        self.open(entry)
    }

    /// Begins a file in a directory that takes nothing from how long its path may be: `root` ends with `/`, or is empty.
    pub fn begin_below(&mut self, root: &str, entry: &Entry<'_>) -> Result<()> {
        if root.is_empty() {
            return self.begin(entry);
        }
        FilePath::parse(entry.path)?;
        self.open(&Entry { path: &format!("{root}{}", entry.path), ..*entry })
    }

    fn open(&mut self, entry: &Entry<'_>) -> Result<()> {
        if self.open.is_some() {
            return Err(Error::internal("a file of the archive is still open"));
        }
        self.open = Some(Open { lacking: entry.size, hash: entry.hash });
        match &mut self.output {
            Output::Zip(zip) => zip.begin(entry),
            Output::TarZst(tar) => tar.begin(entry),
        }
    }

    /// The next stored part of the file's content: `size` bytes, at most [`CHUNK_BYTES`], when decoded.
    pub fn part(&mut self, codec: Codec, size: usize, bytes: &[u8]) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(no_file)?;
        if size > CHUNK_BYTES {
            return Err(corrupt("a stored part is too long"));
        }
        let rest = open.lacking.checked_sub(size as u64);
        open.lacking = rest.ok_or_else(|| corrupt("stored content is longer than recorded"))?;
        match &mut self.output {
            Output::Zip(zip) => zip.part(codec, size, bytes),
            Output::TarZst(tar) => tar.part(codec, size, bytes),
        }
    }

    /// Ends the file. Its content is looked at where the archive gets a checksum of it that is not stored already: always in
    /// a zip, in a tar.zst where it is one part, raw or a frame without a checksum.
    pub fn end(&mut self) -> Result<()> {
        let Open { lacking, hash } = self.open.take().ok_or_else(no_file)?;
        if lacking > 0 {
            return Err(corrupt("stored content is shorter than recorded"));
        }
        let actual = match &mut self.output {
            Output::Zip(zip) => Some(zip.end()?),
            Output::TarZst(tar) => tar.end()?,
        };
        match actual {
            Some(actual) if actual != hash => {
                Err(corrupt("stored content does not match its hash").with("content_hash", hash.to_hex()))
            }
            _ => Ok(()),
        }
    }

    /// Where the archive goes.
    pub fn sink(&mut self) -> &mut W {
        match &mut self.output {
            Output::Zip(zip) => zip.sink(),
            Output::TarZst(tar) => tar.sink(),
        }
    }

    /// Ends the archive.
    pub fn finish(self) -> Result<W> {
        if self.open.is_some() {
            return Err(Error::internal("a file of the archive is still open"));
        }
        match self.output {
            Output::Zip(zip) => zip.finish(),
            Output::TarZst(tar) => tar.finish(),
        }
    }
}

fn no_file() -> Error {
    Error::internal("no file of the archive is open")
}

pub(super) fn corrupt(message: &str) -> Error {
    Error::new(Code::Corrupt, message)
}

/// A failure of the output; an [`Error`] that it carries comes out as it is.
fn unwritable(error: io::Error) -> Error {
    error
        .downcast::<Error>()
        .unwrap_or_else(|error| Error::internal(format!("an archive cannot be written: {error}")))
}
