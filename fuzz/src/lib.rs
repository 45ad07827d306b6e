//! What the fuzzers share: how inputs are cut up, what every error must be like, how archives are packed.
//!
//! A fuzzer asserts what must hold for whatever comes; it ends by a panic when it does not.

#[path = "../../tests/lib/heap.rs"]
mod heap;

pub use heap::{BUFFERS, FACTOR, peak};

use quire_core::archive::{Entry, Format, Limits, Member, Writer, read};
use quire_core::content::{CHUNK_BYTES, Codec};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::json::shape;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::backtrace::Backtrace;
use std::io::Cursor;
use std::sync::Once;

/// How much may come out of an archive here: little, so that bombs take no time.
pub const LIMITS: Limits = Limits {
    max_files: 200,
    max_file_bytes: 1 << 19,
    max_total_bytes: 1 << 20,
    max_name_bytes: 1 << 16,
    bytes_per_file: 0,
};

/// What stands between the parts of an input: no text has it.
const BETWEEN: u8 = 0xff;

/// The parts of an input.
pub fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|byte| *byte == BETWEEN)
}

/// An input of so many texts.
pub fn texts<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let texts: Option<Vec<&str>> = pieces(data).map(|piece| str::from_utf8(piece).ok()).collect();
    texts?.try_into().ok()
}

/// An input, or a part of one, that is JSON.
pub fn json(data: &[u8]) -> Option<Value> {
    serde_json::from_slice(data).ok()
}

/// Whether canonical JSON, whose numbers are doubles, tells this integer from all others. What has another one has the checksum of others.
pub fn has_form(number: i64) -> bool {
    number.unsigned_abs() < 1 << 53
}

/// A panic of automerge, or of the columns that it is made of, is an error of quire's, which catches it; any other ends the fuzzer.
///
/// What they call of the standard library panics for them, as a sort does whose comparison is no order.
pub fn spare_automerge() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let at = info.location().map_or("", |at| at.file());
            let is_spared = ["/automerge-", "/hexane-"].iter().any(|name| at.contains(name))
                || at.starts_with("/rustc/") && heap::uncounted(is_called_for_automerge);
            if !is_spared {
                abort(info);
            }
        }));
    });
}

/// Whether automerge, or hexane, is nearer to a panic than quire is: the backtrace names the file of each call.
fn is_called_for_automerge() -> bool {
    let backtrace = Backtrace::force_capture().to_string();
    let is_of = |line: &str, crates: &[&str]| crates.iter().any(|name| line.contains(name));
    let nearest = backtrace.lines().find(|line| is_of(line, &["/automerge-", "/hexane-", "/quire-core/"]));
    nearest.is_some_and(|line| !line.contains("/quire-core/"))
}

/// What a document may take here: little.
pub const DOC_LIMITS: quire_core::doc::DocLimits = quire_core::doc::DocLimits {
    max_change_bytes: 1 << 18,
    max_change_ops: 5000,
    max_bytes: 1 << 19,
    max_ops: 10_000,
    max_depth: 50,
    max_json_bytes: 1 << 20,
};
/// Most bytes of memory that a document takes within these limits.
pub const DOC_MEMORY: usize = 64 << 20;

/// A chunk of Automerge's of this type and content, with the checksum that it has: no input has it by chance.
pub fn chunk(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut hashed = vec![kind];
    let mut length = content.len();
    while length > 0x7f {
        hashed.push(length as u8 & 0x7f | 0x80);
        length >>= 7;
    }
    hashed.push(length as u8);
    hashed.extend_from_slice(content);
    let checksum = Sha256::digest(&hashed);
    [&[0x85, 0x6f, 0x4a, 0x83], &checksum[..4], &hashed].concat()
}

/// Whether all went well. If not, the error is one that PostgreSQL can hand on and that its caller is to blame for.
pub fn accepted<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            check_error(&error);
            None
        }
    }
}

fn check_error(error: &Error) {
    assert!(!matches!(error.code(), Code::Internal | Code::Corrupt), "not the caller's fault: {error}");
    // A message is a C string, and DETAIL is read as `jsonb`: neither holds a NUL.
    assert!(!error.message().contains('\0'), "a NUL in the message {:?}", error.message());
    let detail = shape(error.detail().as_bytes()).expect("nothing interrupts");
    assert!(!detail.has_nul, "a NUL in {}", error.detail());
    assert!(error.message().len() <= 2000, "a message of {} bytes", error.message().len());
    assert!(error.detail().len() <= 8000, "a detail of {} bytes", error.detail().len());
    let again = Error::from_report(error.message(), &error.detail(), error.hint_text());
    assert_eq!(again.as_ref(), Some(error), "it is not what it was reported as");
}

/// The files of an archive, within [`LIMITS`].
pub fn unpack(format: Format, archive: &[u8]) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    read(format, Cursor::new(archive), &LIMITS, |member| {
        members.push(member);
        Ok(())
    })?;
    Ok(members)
}

/// An archive of files, as quire makes it.
pub fn pack(format: Format, members: &[Member]) -> Vec<u8> {
    let mut archive = Writer::new(format, Vec::new()).expect("starts");
    for Member { path, mode, bytes } in members {
        let (size, hash) = (bytes.len() as u64, Hash::of(bytes));
        let entry = Entry { path: path.as_str(), mode: *mode, size, hash, modified_at: 0 };
        archive.begin(&entry).expect("a file that was read may be written");
        for part in bytes.chunks(CHUNK_BYTES) {
            archive.part(Codec::Raw, part.len(), part).expect("a part");
        }
        archive.end().expect("ends");
    }
    archive.finish().expect("finishes")
}

/// Reads an archive of anybody, and checks what came out of it and how much memory that took. `unpacked` is how many bytes of
/// headers and contents there are before they are compressed, where that is known.
pub fn check_archive(format: Format, archive: &[u8], unpacked: Option<usize>) {
    let (outcome, peak) = peak(|| unpack(format, archive));
    let came_out = LIMITS.max_total_bytes as usize;
    let room = FACTOR * unpacked.unwrap_or(came_out).max(archive.len()) + BUFFERS + CHUNK_BYTES;
    assert!(peak <= room, "{peak} bytes of memory for {}", archive.len());
    let Some(mut members) = accepted(outcome) else { return };
    check_members(&members);
    // In their order: that is for whoever writes to see to.
    members.sort_by(|a, b| a.path.cmp(&b.path));
    for format in Format::ALL {
        let packed = pack(format, &members);
        assert_eq!(Format::detect(&packed), Some(format));
        assert_eq!(packed, pack(format, &members), "the same files give the same archive");
        assert_eq!(unpack(format, &packed).expect("what quire packs it reads"), members);
    }
}

/// What holds for the files that come out of any archive.
fn check_members(members: &[Member]) {
    use quire_core::archive::DELTA_PATH;
    use quire_core::mode::Mode;
    use quire_core::path::FilePath;
    use std::collections::HashSet;

    let files: Vec<&Member> = members.iter().filter(|member| member.path.as_str() != DELTA_PATH).collect();
    let paths: HashSet<&str> = members.iter().map(|member| member.path.as_str()).collect();
    assert_eq!(paths.len(), members.len(), "a file came out twice");
    assert!(members.len() as u64 <= LIMITS.max_files);
    assert!(paths.iter().map(|path| path.len() as u64).sum::<u64>() <= LIMITS.max_name_bytes);
    assert!(files.iter().all(|file| file.bytes.len() as u64 <= LIMITS.max_file_bytes));
    assert!(files.iter().map(|file| file.bytes.len() as u64).sum::<u64>() <= LIMITS.max_total_bytes);
    for file in files {
        assert_eq!(FilePath::parse(file.path.as_str()).as_ref(), Ok(&file.path), "a path breaks a rule");
        assert!(file.path.ancestors().all(|directory| !paths.contains(directory)), "a file is a directory");
        if file.mode == Mode::Symlink {
            let target = str::from_utf8(&file.bytes).expect("a target is text");
            assert!(file.path.allows_symlink_to(target), "a link leads out: {target:?}");
        }
    }
}
