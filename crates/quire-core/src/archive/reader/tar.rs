//! Tar in zstd: ustar, pax and GNU headers. Of pax and GNU extensions, names and sizes count; sparse files are refused.
//! The checksums of frames are looked at, and the hash of all files, where there are any.
//!
//! The crate `tar` reads the headers; extensions are read here, because it takes as much memory for a long name as the
//! archive asks for.

use super::frames::{Frames, Promised};
use super::{Intake, broken, check_directory, damaged, regular, too_much, unusable};
use crate::archive::listing::Listing;
use crate::archive::{Limits, Member};
use crate::error::{Error, Result};
use crate::interrupt::{self, Meter};
use crate::mode::Mode;
use std::borrow::Cow;
use std::io::{self, Read};
use tar::{Archive, Entry, EntryType};
use zstd::stream::read::Decoder;

/// Largest window of a frame, as a power of two: what `zstd -d` accepts.
const WINDOW_LOG: u32 = 27;
/// Longest pax header or GNU long name.
const MAX_EXTENSION_BYTES: u64 = 1 << 20;
/// What headers, padding and directories may take: so much, and more for every file that is allowed.
const SPARE_BYTES: u64 = 1 << 20;
const SPARE_BYTES_PER_FILE: u64 = 8 << 10;

pub fn read<R: Read, F: FnMut(Member) -> Result<()>>(source: R, intake: &mut Intake<'_, F>) -> Result<()> {
    intake.listing = Some(Listing::default());
    let (frames, found) = Frames::of(source);
    let mut decoder = Decoder::new(frames).map_err(damaged)?;
    decoder.window_log_max(WINDOW_LOG).map_err(damaged)?;
    let mut metered = Metered {
        source: decoder,
        left: allowance(intake.limits),
        over: false,
        ended: false,
        meter: Meter::default(),
    };
    let result = read_entries(&mut metered, intake).and_then(|()| {
        if metered.ended {
            return Err(broken("it ends too early"));
        }
        io::copy(&mut metered, &mut io::sink()).map(drop).map_err(damaged)
    });
    if metered.over {
        return Err(too_much(intake.limits));
    }
    result?;
    let files = intake.listing.take().map(|listing| listing.hash());
    match found.promised() {
        Promised::Nothing => Ok(()),
        Promised::Files(hash) if files == Some(hash) => Ok(()),
        _ => Err(broken("it does not hold the files that it was made of")),
    }
}

fn allowance(limits: &Limits) -> u64 {
    limits
        .max_files
        .saturating_mul(SPARE_BYTES_PER_FILE)
        .saturating_add(SPARE_BYTES)
        .saturating_add(limits.max_total_bytes)
}

fn read_entries<R: Read, F: FnMut(Member) -> Result<()>>(
    source: R,
    intake: &mut Intake<'_, F>,
) -> Result<()> {
    let mut archive = Archive::new(source);
    let mut extensions = Extensions::default();
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => {
                // What it says of every file is not heeded here, and is elsewhere.
                let mut global = Extensions::default();
                global.add_pax(&extension(&mut entry)?)?;
                if global.pax_path.is_some() || global.pax_link.is_some() || global.size.is_some() {
                    return Err(Error::validation("the archive cannot be used: it names all files at once"));
                }
            }
            EntryType::XHeader => extensions.add_pax(&extension(&mut entry)?)?,
            EntryType::GNULongName => extensions.gnu_path = Some(until_nul(extension(&mut entry)?)),
            EntryType::GNULongLink => extensions.gnu_link = Some(until_nul(extension(&mut entry)?)),
            _ => read_file(&mut entry, std::mem::take(&mut extensions), intake)?,
        }
    }
    if extensions.is_empty() { Ok(()) } else { Err(broken("it ends with the header of a missing file")) }
}

fn read_file<R: Read, F: FnMut(Member) -> Result<()>>(
    entry: &mut Entry<'_, R>,
    extensions: Extensions,
    intake: &mut Intake<'_, F>,
) -> Result<()> {
    let name = match extensions.pax_path.or(extensions.gnu_path) {
        Some(name) => name,
        None => entry.header().path_bytes().into_owned(),
    };
    let size = entry.header().entry_size().map_err(damaged)?;
    if extensions.size.is_some_and(|other| other != size) {
        return Err(unusable("a file has two sizes", &String::from_utf8_lossy(&name)));
    }
    let kind = entry.header().entry_type();
    if kind == EntryType::Directory || (kind == EntryType::Regular && name.ends_with(b"/")) {
        return check_directory(&name);
    }
    let path = intake.open(&name)?;
    match kind {
        EntryType::Regular | EntryType::Continuous => {
            let mode = regular(entry.header().mode().map_err(damaged)?);
            let bytes = intake.content(&path, &mut *entry)?;
            if bytes.len() as u64 != size {
                return Err(broken("it ends too early"));
            }
            intake.close(path, mode, bytes)
        }
        EntryType::Symlink => {
            let target = match extensions.pax_link.or(extensions.gnu_link) {
                Some(target) => target,
                None => entry.header().link_name_bytes().map_or_else(Vec::new, Cow::into_owned),
            };
            let bytes = intake.content(&path, target.as_slice())?;
            intake.close(path, Mode::Symlink, bytes)
        }
        EntryType::Link => Err(unusable("it has a hard link", path.as_str())),
        _ => Err(unusable("it holds more than files, directories and symlinks", path.as_str())),
    }
}

/// What headers say about the file that follows them.
#[derive(Default)]
struct Extensions {
    pax_path: Option<Vec<u8>>,
    pax_link: Option<Vec<u8>>,
    gnu_path: Option<Vec<u8>>,
    gnu_link: Option<Vec<u8>>,
    size: Option<u64>,
    has_pax: bool,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        !self.has_pax && self.gnu_path.is_none() && self.gnu_link.is_none()
    }

    /// Records `LENGTH KEY=VALUE\n`, where LENGTH counts all of that.
    fn add_pax(&mut self, mut records: &[u8]) -> Result<()> {
        self.has_pax = true;
        while !records.is_empty() {
            interrupt::step()?;
            let (key, value, rest) =
                pax_record(records).ok_or_else(|| broken("a pax header is malformed"))?;
            match key {
                b"path" => self.pax_path = Some(value.to_vec()),
                b"linkpath" => self.pax_link = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|size| size.parse().ok());
                    self.size = Some(size.ok_or_else(|| broken("a pax header is malformed"))?);
                }
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err(Error::validation("the archive cannot be used: it has a sparse file"));
                }
                _ => {}
            }
            records = rest;
        }
        Ok(())
    }
}

/// Key and value of the first record, and what follows it.
fn pax_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

fn extension<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>> {
    let size = entry.header().entry_size().map_err(damaged)?;
    if size > MAX_EXTENSION_BYTES {
        return Err(broken("a header is too long"));
    }
    let mut bytes = Vec::new();
    entry.take(MAX_EXTENSION_BYTES).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(broken("it ends too early")) }
}

/// A GNU long name, which ends with a NUL.
fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

/// A source that gives so many bytes and no more.
struct Metered<R> {
    source: R,
    left: u64,
    /// It was asked for more.
    over: bool,
    /// It was read to its end.
    ended: bool,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.meter.took(length).map_err(io::Error::other)?;
        self.ended |= length == 0 && !buffer.is_empty();
        match self.left.checked_sub(length as u64) {
            Some(left) => self.left = left,
            None => {
                self.over = true;
                return Err(io::Error::other("more than allowed"));
            }
        }
        Ok(length)
    }
}
