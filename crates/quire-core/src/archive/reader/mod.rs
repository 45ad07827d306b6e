//! Taking archives apart, including those that were made to do harm.
//!
//! Nothing is believed before it is seen: memory is taken for bytes that came out, never for a number in a header. What
//! is in the archive twice, or may be read in two ways, is refused.

mod frames;
mod tar;
mod zip;

use crate::archive::listing::Listing;
use crate::archive::{DELTA_PATH, Format, Limits, Member, delta};
use crate::error::{Code, Error, Result};
use crate::hash::Hash;
use crate::interrupt::{self, Meter};
use crate::mode::Mode;
use crate::path::FilePath;
use crate::text::shorten;
use std::collections::HashSet;
use std::fmt;
use std::io::{self, Read, Seek};

/// Hands every file of an archive to `each`, in the order of the archive; directories are left out.
///
/// Whether a file is also a directory of another shows at the end, so what `each` did counts only if all went well.
pub fn read<R: Read + Seek>(
    format: Format,
    source: R,
    limits: &Limits,
    each: impl FnMut(Member) -> Result<()>,
) -> Result<()> {
    read_below("", format, source, limits, each)
}

/// As [`read`], of an archive that has a directory, `root` with a `/` at its end, which takes nothing from how long the
/// paths in it may be.
pub fn read_below<R: Read + Seek>(
    root: &'static str,
    format: Format,
    source: R,
    limits: &Limits,
    each: impl FnMut(Member) -> Result<()>,
) -> Result<()> {
    let source = Watched { source, meter: Meter::default() };
    let mut intake =
        Intake { root, limits, bytes: 0, name_bytes: 0, seen: HashSet::new(), listing: None, each };
    match format {
        Format::Zip => zip::read(source, &mut intake)?,
        Format::TarZst => tar::read(source, &mut intake)?,
    }
    intake.finish()
}

/// What is read from, with a look at interrupts on the way.
struct Watched<R> {
    source: R,
    meter: Meter,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.meter.took(length).map_err(io::Error::other)?;
        Ok(length)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

/// What came out so far, and whether more may.
struct Intake<'a, F> {
    root: &'static str,
    limits: &'a Limits,
    bytes: u64,
    name_bytes: u64,
    seen: HashSet<FilePath>,
    /// Of what came out, where the archive may say what it should be.
    listing: Option<Listing>,
    each: F,
}

impl<F: FnMut(Member) -> Result<()>> Intake<'_, F> {
    /// A new file. Its content is the caller's to read next, with [`Self::content`].
    fn open(&mut self, name: &[u8]) -> Result<FilePath> {
        interrupt::room(self.limits.bytes_per_file.saturating_mul(self.seen.len()))?;
        let path = match file_name(name)? {
            // No file of a project has it.
            DELTA_PATH => FilePath::from_stored(DELTA_PATH.to_owned()),
            name => match name.strip_prefix(self.root).filter(|_| !self.root.is_empty()) {
                Some(path) => FilePath::from_stored(format!("{}{}", self.root, FilePath::parse(path)?)),
                None => FilePath::parse(name)?,
            },
        };
        if self.seen.len() as u64 >= self.limits.max_files {
            return Err(Error::limit("the archive has too many files", self.limits.max_files));
        }
        self.name_bytes += path.as_str().len() as u64;
        if self.name_bytes > self.limits.max_name_bytes {
            return Err(Error::limit(
                "the names in the archive are too long together",
                self.limits.max_name_bytes,
            ));
        }
        if !self.seen.insert(path.clone()) {
            return Err(unusable("it has a file twice", path.as_str()));
        }
        Ok(path)
    }

    /// All of `source`, unless that is too much. What a delta says about itself is names, and no file of anybody.
    fn content(&mut self, path: &FilePath, source: impl Read) -> Result<Vec<u8>> {
        if path.as_str() == DELTA_PATH {
            let most = self.limits.max_name_bytes;
            let bytes = read_at_most(source, most.saturating_add(1)).map_err(|error| named(error, path))?;
            return if bytes.len() as u64 > most { Err(delta::too_long(self.limits)) } else { Ok(bytes) };
        }
        let rest = self.limits.max_total_bytes.saturating_sub(self.bytes);
        let room = rest.min(self.limits.max_file_bytes);
        let bytes = read_at_most(source, room.saturating_add(1)).map_err(|error| named(error, path))?;
        let length = bytes.len() as u64;
        if length > self.limits.max_file_bytes {
            return Err(Error::limit("a file of the archive is too long", self.limits.max_file_bytes)
                .with("file_path", path.as_str()));
        }
        if length > rest {
            return Err(too_much(self.limits));
        }
        self.bytes += length;
        Ok(bytes)
    }

    /// The file is complete.
    fn close(&mut self, path: FilePath, mode: Mode, bytes: Vec<u8>) -> Result<()> {
        let is_allowed = match mode {
            Mode::Symlink => std::str::from_utf8(&bytes).is_ok_and(|target| path.allows_symlink_to(target)),
            _ => true,
        };
        if !is_allowed {
            return Err(unusable(
                "a symlink must point to a relative path inside the project",
                path.as_str(),
            ));
        }
        if let Some(listing) = &mut self.listing {
            listing.add(path.as_str(), mode, &Hash::of(&bytes));
        }
        (self.each)(Member { path, mode, bytes })
    }

    fn finish(self) -> Result<()> {
        let mut paths: Vec<&FilePath> = self.seen.iter().collect();
        // By segments, so that what is below a path follows it at once.
        paths.sort_unstable_by(|a, b| a.as_str().split('/').cmp(b.as_str().split('/')));
        match paths.windows(2).find(|pair| pair[1].is_below(pair[0].as_str())) {
            None => Ok(()),
            Some(pair) => Err(unusable("a file is also a directory", pair[0].as_str())),
        }
    }
}

/// Bytes that are read between two looks at interrupts and memory.
const STEP_BYTES: u64 = 1 << 20;

/// All of `source`, or so many bytes.
fn read_at_most(mut source: impl Read, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let step = STEP_BYTES.min(most.saturating_sub(bytes.len() as u64));
        // A vector that is full doubles.
        interrupt::room(if bytes.len() as u64 + step > bytes.capacity() as u64 { bytes.len() } else { 0 })?;
        let count = source.by_ref().take(step).read_to_end(&mut bytes).map_err(damaged)?;
        if (count as u64) < STEP_BYTES {
            return Ok(bytes);
        }
    }
}

/// A name without the `./` that tar puts in front.
fn file_name(name: &[u8]) -> Result<&str> {
    let mut name = std::str::from_utf8(name)
        .map_err(|_| unusable("a name is not UTF-8", &String::from_utf8_lossy(name)))?;
    while let Some(rest) = name.strip_prefix("./") {
        name = rest;
    }
    Ok(name)
}

/// A directory keeps the rules of a path, too; the root of the archive is one.
fn check_directory(name: &[u8]) -> Result<()> {
    let name = file_name(name)?;
    if matches!(name, "" | ".") { Ok(()) } else { FilePath::parse_prefix(name).map(drop) }
}

/// Git's rule: executable is what its owner may execute.
fn regular(permissions: u32) -> Mode {
    if permissions & 0o100 == 0 { Mode::Regular } else { Mode::Executable }
}

fn too_much(limits: &Limits) -> Error {
    Error::limit("the archive unpacks to too many bytes", limits.max_total_bytes)
}

/// The archive is in order, but not for us.
fn unusable(reason: &str, name: &str) -> Error {
    Error::validation(format!("the archive cannot be used: {reason}")).with("file_path", shorten(name))
}

/// The archive is not in order. An [`Error`] that the source gave comes out as it is.
fn damaged(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(broken)
}

/// Damage, with the file in which it was found.
fn named(error: Error, path: &FilePath) -> Error {
    match error.code() {
        Code::Validation | Code::Corrupt => error.with("file_path", shorten(path.as_str())),
        _ => error,
    }
}

fn broken(reason: impl fmt::Display) -> Error {
    Error::validation(format!("the archive is damaged: {}", shorten(&reason.to_string())))
}
