//! Zip (PKWARE APPNOTE 6.3), deflated.
//!
//! Written here because no library does both: name size and checksum in front of a file wherever they are known, which
//! is what readers of streams need, and stream the others. The crates `zip` and `rawzip` put them behind every file as
//! soon as the output cannot seek.
//!
//! A file of one part is deflated at once, and stored as it is where that is not smaller. A longer one is streamed,
//! with a data descriptor behind it. Directories have no entries. A mode stands twice, as a name does: in the central header,
//! where everybody looks, and in an extra field of the local one, so that one that changed on the way is noticed.

use super::{corrupt, no_file, unwritable};
use crate::archive::{EXTRA_MODE, Entry};
use crate::content::{Codec, decode_into};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::mode::Mode;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use libdeflater::{CompressionLvl, Compressor};
use std::io::Write;
use time::OffsetDateTime;

/// Of both encoders. Archives live for minutes: 4 takes 50 % longer for 5 % less.
const LEVEL: u8 = 1;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

const HAS_DESCRIPTOR: u16 = 1 << 3;
const NAME_IS_UTF8: u16 = 1 << 11;

/// Version of the format that a reader must know, and the one that brought zip64.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// In "made by": attributes are those of Unix.
const UNIX: u16 = 3 << 8;

const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_TIME: u16 = 0x5455;

/// Content this long gets fields of 8 bytes. Deflating may make it longer, but not by a sixteenth.
const LARGE: u64 = 0xf000_0000;

/// 1980-01-01 00:00:00 and 2107-12-31 23:59:58, the first and the last time of MS-DOS.
const DOS_TIMES: (i64, i64) = (315_532_800, 4_354_819_198);

pub struct Zip<W: Write> {
    out: Counted<W>,
    whole: Compressor,
    central: Fields,
    files: u64,
    open: Option<(Header, Data)>,
    /// The decoded part, and what it is deflated to; kept for their memory.
    raw: Vec<u8>,
    packed: Vec<u8>,
}

/// Where the content of the open file is.
enum Data {
    Expected,
    Written(Hash),
    Streamed(Box<Stream>),
}

struct Stream {
    deflate: Compress,
    crc: Crc,
    hasher: blake3::Hasher,
}

impl<W: Write> Zip<W> {
    pub fn new(out: W) -> Result<Self> {
        let level = CompressionLvl::new(i32::from(LEVEL))
            .map_err(|_| Error::internal("libdeflate does not know the compression level"))?;
        Ok(Self {
            out: Counted { out, written: 0 },
            whole: Compressor::new(level),
            central: Fields::default(),
            files: 0,
            open: None,
            raw: Vec::new(),
            packed: Vec::new(),
        })
    }

    pub fn begin(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.open = Some((Header::new(entry, self.out.written)?, Data::Expected));
        Ok(())
    }

    pub fn part(&mut self, codec: Codec, size: usize, bytes: &[u8]) -> Result<()> {
        self.raw.clear();
        decode_into(codec, size, bytes, &mut self.raw)?;
        let Some((header, data)) = &mut self.open else { return Err(no_file()) };
        if matches!(data, Data::Expected) {
            if header.size == self.raw.len() as u64 {
                return self.write_whole();
            }
            header.flags |= HAS_DESCRIPTOR;
            header.method = DEFLATED;
            self.out.write(&header.local())?;
            *data = Data::Streamed(Box::new(Stream {
                deflate: Compress::new(Compression::new(u32::from(LEVEL)), false),
                crc: Crc::new(),
                hasher: blake3::Hasher::new(),
            }));
        }
        match data {
            Data::Streamed(stream) => {
                stream.crc.update(&self.raw);
                stream.hasher.update(&self.raw);
                deflate(&mut stream.deflate, &self.raw, FlushCompress::None, &mut self.packed, &mut self.out)
            }
            _ if size == 0 => Ok(()),
            _ => Err(corrupt("stored content is longer than recorded")),
        }
    }

    /// The file is all in `raw`.
    fn write_whole(&mut self) -> Result<()> {
        let Some((header, data)) = &mut self.open else { return Err(no_file()) };
        let mut crc = Crc::new();
        crc.update(&self.raw);
        header.crc = crc.sum();
        // Room for less than the content, so that what does not become smaller does not fit.
        let room = self.raw.len().saturating_sub(1);
        if self.packed.len() < room {
            self.packed.resize(room, 0);
        }
        let content = match self.whole.deflate_compress(&self.raw, &mut self.packed[..room]) {
            Ok(length) if length > 0 => {
                header.method = DEFLATED;
                &self.packed[..length]
            }
            _ => &self.raw[..],
        };
        header.packed_size = content.len() as u64;
        self.out.write(&header.local())?;
        self.out.write(content)?;
        *data = Data::Written(Hash::of(&self.raw));
        Ok(())
    }

    pub fn end(&mut self) -> Result<Hash> {
        if let Some((_, Data::Expected)) = self.open {
            self.raw.clear();
            self.write_whole()?;
        }
        let Some((mut header, data)) = self.open.take() else { return Err(no_file()) };
        let hash = match data {
            Data::Streamed(mut stream) => {
                deflate(&mut stream.deflate, &[], FlushCompress::Finish, &mut self.packed, &mut self.out)?;
                header.crc = stream.crc.sum();
                header.packed_size = stream.deflate.total_out();
                self.out.write(&header.descriptor())?;
                Hash::from_bytes(stream.hasher.finalize().as_bytes())?
            }
            Data::Written(hash) => hash,
            Data::Expected => return Err(no_file()),
        };
        header.add_central(&mut self.central);
        self.files += 1;
        Ok(hash)
    }

    pub fn sink(&mut self) -> &mut W {
        &mut self.out.out
    }

    pub fn finish(mut self) -> Result<W> {
        let start = self.out.written;
        self.out.write(&self.central.0)?;
        let size = self.central.0.len() as u64;
        let mut end = Fields::default();
        if self.files >= u64::from(u16::MAX) || start.max(size) >= u64::from(u32::MAX) {
            // Zip64 end of central directory record, and its locator.
            end.u32(0x0606_4b50).u64(44).u16(UNIX | VERSION_ZIP64).u16(VERSION_ZIP64).u32(0).u32(0);
            end.u64(self.files).u64(self.files).u64(size).u64(start);
            end.u32(0x0706_4b50).u32(0).u64(start + size).u32(1);
        }
        let files = u16::try_from(self.files).unwrap_or(u16::MAX);
        end.u32(0x0605_4b50).u16(0).u16(0).u16(files).u16(files).capped(size).capped(start).u16(0);
        self.out.write(&end.0)?;
        self.out.out.flush().map_err(unwritable)?;
        Ok(self.out.out)
    }
}

/// Deflates `input`, and with [`FlushCompress::Finish`] all that is left.
fn deflate<W: Write>(
    encoder: &mut Compress,
    mut input: &[u8],
    flush: FlushCompress,
    packed: &mut Vec<u8>,
    out: &mut Counted<W>,
) -> Result<()> {
    packed.resize(packed.len().max(64 << 10), 0);
    loop {
        let (read, written) = (encoder.total_in(), encoder.total_out());
        let status = encoder
            .compress(input, packed, flush)
            .map_err(|error| Error::internal(format!("content cannot be deflated: {error}")))?;
        // Both fit: at most the lengths of two slices.
        input = &input[(encoder.total_in() - read) as usize..];
        let length = (encoder.total_out() - written) as usize;
        out.write(&packed[..length])?;
        let done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => input.is_empty(),
        };
        if done {
            return Ok(());
        }
        if length == 0 && status == Status::BufError {
            return Err(Error::internal("content cannot be deflated: no progress"));
        }
    }
}

/// What the local and the central header of a file say.
struct Header {
    name: String,
    mode: Mode,
    modified_at: i64,
    dos_time: u32,
    flags: u16,
    method: u16,
    crc: u32,
    size: u64,
    packed_size: u64,
    offset: u64,
}

impl Header {
    fn new(entry: &Entry<'_>, offset: u64) -> Result<Self> {
        let modified_at = entry.modified_at.div_euclid(1_000_000);
        Ok(Self {
            name: entry.path.to_owned(),
            mode: entry.mode,
            modified_at,
            dos_time: dos_time(modified_at)?,
            flags: if entry.path.is_ascii() { 0 } else { NAME_IS_UTF8 },
            method: STORED,
            crc: 0,
            size: entry.size,
            packed_size: 0,
            offset,
        })
    }

    fn streamed(&self) -> bool {
        self.flags & HAS_DESCRIPTOR != 0
    }

    fn local(&self) -> Vec<u8> {
        let mut extra = Fields::default();
        let large = self.streamed() && self.size >= LARGE;
        if large {
            extra.u16(EXTRA_ZIP64).u16(16).u64(0).u64(0);
        }
        self.add_time(&mut extra);
        extra.u16(EXTRA_MODE).u16(2).u16(unix_mode(self.mode));
        let mut local = Fields::default();
        local.u32(0x0403_4b50).u16(if large { VERSION_ZIP64 } else { VERSION });
        local.u16(self.flags).u16(self.method).u32(self.dos_time);
        match (self.streamed(), large) {
            (false, _) => local.u32(self.crc).capped(self.packed_size).capped(self.size),
            (true, false) => local.u32(0).u32(0).u32(0),
            (true, true) => local.u32(0).u32(u32::MAX).u32(u32::MAX),
        };
        local.short(self.name.len()).short(extra.0.len()).bytes(self.name.as_bytes()).bytes(&extra.0);
        local.0
    }

    fn descriptor(&self) -> Vec<u8> {
        let mut descriptor = Fields::default();
        descriptor.u32(0x0807_4b50).u32(self.crc);
        if self.size >= LARGE {
            descriptor.u64(self.packed_size).u64(self.size);
        } else {
            descriptor.capped(self.packed_size).capped(self.size);
        }
        descriptor.0
    }

    fn add_central(&self, central: &mut Fields) {
        let mut wide = Fields::default();
        for number in [self.size, self.packed_size, self.offset] {
            if number >= u64::from(u32::MAX) {
                wide.u64(number);
            }
        }
        let mut extra = Fields::default();
        if !wide.0.is_empty() {
            extra.u16(EXTRA_ZIP64).short(wide.0.len()).bytes(&wide.0);
        }
        self.add_time(&mut extra);
        let large = !wide.0.is_empty() || self.size >= LARGE;
        let version = if large { VERSION_ZIP64 } else { VERSION };
        central.u32(0x0201_4b50).u16(UNIX | version).u16(version).u16(self.flags).u16(self.method);
        central.u32(self.dos_time).u32(self.crc).capped(self.packed_size).capped(self.size);
        central.short(self.name.len()).short(extra.0.len()).u16(0).u16(0).u16(0);
        central.u32(u32::from(unix_mode(self.mode)) << 16).capped(self.offset);
        central.bytes(self.name.as_bytes()).bytes(&extra.0);
    }

    /// The extended timestamp, which unlike the other is in UTC, where its 32 bits hold the time.
    fn add_time(&self, extra: &mut Fields) {
        if let Ok(seconds) = i32::try_from(self.modified_at) {
            extra.u16(EXTRA_TIME).u16(5).bytes(&[1]).bytes(&seconds.to_le_bytes());
        }
    }
}

/// Date and time of MS-DOS: 7 bits of years since 1980, month, day, hours, minutes, 5 bits of double seconds.
fn dos_time(seconds: i64) -> Result<u32> {
    let (first, last) = DOS_TIMES;
    let at = OffsetDateTime::from_unix_timestamp(seconds.clamp(first, last))
        .map_err(|_| Error::internal("a time of MS-DOS is none of the calendar"))?;
    let years = at.year().saturating_sub(1980).unsigned_abs();
    let date = years << 9 | u32::from(u8::from(at.month())) << 5 | u32::from(at.day());
    let time = u32::from(at.hour()) << 11 | u32::from(at.minute()) << 5 | u32::from(at.second() / 2);
    Ok(date << 16 | time)
}

const fn unix_mode(mode: Mode) -> u16 {
    match mode {
        Mode::Regular => 0o100_644,
        Mode::Executable => 0o100_755,
        Mode::Symlink => 0o120_777,
    }
}

/// Little-endian fields of a record.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    /// A length of a name or of extra fields, both of which are far below the 64 KiB that fit.
    fn short(&mut self, length: usize) -> &mut Self {
        self.u16(u16::try_from(length).unwrap_or(u16::MAX))
    }

    /// All ones where the number does not fit, as zip64 has it.
    fn capped(&mut self, number: u64) -> &mut Self {
        self.u32(u32::try_from(number).unwrap_or(u32::MAX))
    }
}

/// An output, and how much went there.
struct Counted<W: Write> {
    out: W,
    written: u64,
}

impl<W: Write> Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(unwritable)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}
