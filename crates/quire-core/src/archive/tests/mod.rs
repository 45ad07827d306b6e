//! Archives written and read back, by this module and by the tools that everybody has.

mod by_hand;
mod flips;
mod hostile;
mod tools;

use super::*;
use crate::content::{self, Encoded};
use crate::error::Code;
use crate::hash::Hash;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};

/// 2026-01-02 03:04:06 UTC.
const AT: Micros = 1_767_323_046_000_000;

const GENEROUS: Limits = Limits {
    max_files: 1000,
    max_file_bytes: 64 << 20,
    max_total_bytes: 256 << 20,
    max_name_bytes: 1 << 20,
    bytes_per_file: 0,
};

fn member(path: &str, mode: Mode, bytes: impl Into<Vec<u8>>) -> Member {
    let path = match path {
        DELTA_PATH => FilePath::from_stored(path.to_owned()),
        _ => FilePath::parse(path).expect("valid"),
    };
    Member { path, mode, bytes: bytes.into() }
}

/// Writes one file in the parts that it is stored in.
fn put(writer: &mut Writer<impl Sink>, member: &Member, parts: &[Encoded], modified_at: Micros) {
    put_hashed(writer, member, Hash::of(&member.bytes), parts, modified_at);
}

fn put_hashed(
    writer: &mut Writer<impl Sink>,
    member: &Member,
    hash: Hash,
    parts: &[Encoded],
    modified_at: Micros,
) {
    let Member { path, mode, bytes } = member;
    let size = bytes.len() as u64;
    let entry = Entry { path: path.as_str(), mode: *mode, size, hash, modified_at };
    writer.begin(&entry).expect("begins");
    for part in parts {
        writer.part(part.codec, part.size, &part.bytes).expect("fits");
    }
    writer.end().expect("ends");
}

/// An archive of these files, in parts of at most so many bytes.
fn pack_in_parts(format: Format, members: &[Member], part: usize) -> Vec<u8> {
    let mut writer = Writer::new(format, Vec::new()).expect("starts");
    for member in members {
        let parts: Vec<_> = member.bytes.chunks(part).map(|bytes| content::encode(bytes, 3)).collect();
        put(&mut writer, member, &parts, AT);
    }
    writer.finish().expect("finishes")
}

fn pack(format: Format, members: &[Member]) -> Vec<u8> {
    let mut writer = Writer::new(format, Vec::new()).expect("starts");
    for member in members {
        put(&mut writer, member, &content::encode_all(&member.bytes, 3), AT);
    }
    writer.finish().expect("finishes")
}

fn unpack_within(format: Format, archive: &[u8], limits: &Limits) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    read(format, Cursor::new(archive), limits, |member| {
        members.push(member);
        Ok(())
    })?;
    Ok(members)
}

fn unpack(format: Format, archive: &[u8]) -> Result<Vec<Member>> {
    unpack_within(format, archive, &GENEROUS)
}

/// Files with every oddity that is allowed.
fn odd_members() -> Vec<Member> {
    let noise: Vec<u8> = (0..200u64).flat_map(|number| *Hash::of(&number.to_le_bytes()).as_bytes()).collect();
    let text = b"Line after line, and each of them the same.\n".repeat(60_000);
    let deep =
        format!("{}/{}", "d".repeat(255), ["e".repeat(255), "f".repeat(255), "g".repeat(255)].join("/"));
    let mut members = vec![
        member(DELTA_PATH, Mode::Regular, "{}"),
        member("-rf", Mode::Regular, "a dash"),
        member("\"quote'.txt", Mode::Regular, "quotes"),
        member("*?", Mode::Regular, "globs"),
        member("CON", Mode::Regular, "a device, elsewhere"),
        member("a b", Mode::Executable, "#!/bin/sh\n"),
        member("a:b", Mode::Regular, "a drive, elsewhere"),
        member("empty", Mode::Regular, ""),
        member("empty too", Mode::Executable, ""),
        member("link", Mode::Symlink, "a b"),
        member("src/lib/link", Mode::Symlink, "../../日本語/ファイル.txt"),
        member("src/long link", Mode::Symlink, "x".repeat(300)),
        member("src/noise.bin", Mode::Regular, noise),
        member("src/text.txt", Mode::Regular, text),
        member("日本語/ファイル.txt", Mode::Regular, "non-ASCII"),
        member("é/🦀 emoji.rs", Mode::Executable, "more of it"),
        member(&"n".repeat(255), Mode::Regular, "a long segment"),
        member(&deep, Mode::Regular, "a long path"),
        member(&"日".repeat(85), Mode::Regular, "a long segment of few characters"),
    ];
    members.sort_by(|a, b| a.path.cmp(&b.path));
    members
}

#[test]
fn formats_have_names_and_magic() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.as_str()).expect("known"), format);
        assert_eq!(Format::detect(&pack(format, &odd_members())), Some(format));
        assert_eq!(Format::detect(&pack(format, &[])), Some(format));
    }
    let error = Format::parse("rar").expect_err("unknown");
    assert_eq!((error.code(), error.message()), (Code::Validation, "format must be zip or tar.zst"));
    for other in [&b""[..], b"PK", b"PK\x01\x02", b"\x1f\x8b\x08"] {
        assert_eq!(Format::detect(other), None);
    }
}

#[test]
fn odd_files_come_back() {
    for format in Format::ALL {
        let members = odd_members();
        let archive = pack(format, &members);
        assert_eq!(unpack(format, &archive).expect("reads"), members);
        assert_eq!(archive, pack(format, &members), "the same bytes every time");
        assert_eq!(unpack(format, &pack(format, &[])).expect("reads"), []);
    }
}

#[test]
fn zip_names_sizes_in_front_where_they_are_known() {
    let archive = pack(Format::Zip, &[member("a", Mode::Regular, "some text ".repeat(100))]);
    let packed = u32::from_le_bytes(archive[18..22].try_into().expect("four"));
    assert_eq!(archive[6] & 8, 0, "no data descriptor");
    assert!(packed > 0 && packed < 100);
    assert_eq!(archive[22..26], 1000u32.to_le_bytes());
    let streamed = pack_in_parts(Format::Zip, &[member("a", Mode::Regular, "some text ".repeat(100))], 100);
    assert_eq!(streamed[6] & 8, 8);
    assert_eq!(streamed[18..26], [0; 8]);
}

#[test]
fn zip_stores_what_does_not_get_smaller() {
    for bytes in [&b""[..], b"x", &Hash::of(b"noise").as_bytes()[..]] {
        let archive = pack(Format::Zip, &[member("a", Mode::Regular, bytes)]);
        assert_eq!(archive[8..10], [0, 0]);
    }
}

#[test]
fn stored_frames_are_copied() {
    let text = b"Line after line, and each of them the same.\n".repeat(100);
    let stored = content::encode(&text, 3);
    assert_eq!(stored.codec, content::Codec::Zstd);
    let archive = pack(Format::TarZst, &[member("a", Mode::Regular, text)]);
    assert!(archive.windows(stored.bytes.len()).any(|window| window == stored.bytes));
}

#[test]
fn extreme_times_are_clamped() {
    for format in Format::ALL {
        for at in [i64::MIN, -1, 0, 1, AT, 4_400_000_000_000_000, i64::MAX] {
            let mut writer = Writer::new(format, Vec::new()).expect("starts");
            let file = member("a", Mode::Regular, "x");
            put(&mut writer, &file, &content::encode_all(&file.bytes, 3), at);
            assert_eq!(unpack(format, &writer.finish().expect("finishes")).expect("reads"), [file]);
        }
    }
}

#[test]
fn sizes_must_add_up() {
    for format in Format::ALL {
        let entry =
            Entry { path: "a", mode: Mode::Regular, size: 3, hash: Hash::of(b"abc"), modified_at: AT };
        let parts = |parts: &[(content::Codec, usize, &[u8])]| {
            let mut writer = Writer::new(format, Vec::new()).expect("starts");
            writer.begin(&entry).expect("begins");
            parts.iter().try_for_each(|(codec, size, bytes)| writer.part(*codec, *size, bytes))?;
            writer.end()
        };
        let raw = content::Codec::Raw;
        assert!(parts(&[(raw, 3, b"abc")]).is_ok());
        assert!(parts(&[(raw, 1, b"a"), (raw, 0, b""), (raw, 2, b"bc")]).is_ok());
        assert!(parts(&[(raw, 0, b""), (raw, 3, b"abc"), (raw, 0, b"")]).is_ok());
        let frame = zstd::bulk::compress(b"abc", 3).expect("compresses");
        let two = [frame.clone(), frame.clone()].concat();
        let zstd = content::Codec::Zstd;
        assert!(parts(&[(zstd, 3, &frame)]).is_ok());
        let bad: [&[(content::Codec, usize, &[u8])]; 11] = [
            &[],
            &[(raw, 2, b"ab")],
            &[(raw, 4, b"abcd")],
            &[(raw, 3, b"abcd")],
            &[(raw, 3, b"abc"), (raw, 1, b"d")],
            &[(raw, 3, b"abc"), (raw, 0, b"d")],
            &[(zstd, 3, b"abc")],
            &[(zstd, 2, &frame), (raw, 1, b"d")],
            &[(zstd, 3, &frame[..frame.len() - 1])],
            &[(zstd, 3, &two)],
            &[(raw, 2 << 20, &[0; 2 << 20])],
        ];
        for bad in bad {
            assert_eq!(parts(bad).expect_err("corrupt").code(), Code::Corrupt, "{format:?} {bad:?}");
        }
    }
}

#[test]
fn calls_out_of_order_are_errors() {
    for format in Format::ALL {
        let mut writer = Writer::new(format, Vec::new()).expect("starts");
        let entry = Entry { path: "a", mode: Mode::Regular, size: 0, hash: Hash::of(b""), modified_at: AT };
        assert_eq!(writer.end().expect_err("nothing open").code(), Code::Internal);
        assert_eq!(
            writer.part(content::Codec::Raw, 0, b"").expect_err("nothing open").code(),
            Code::Internal
        );
        writer.begin(&entry).expect("begins");
        assert_eq!(writer.begin(&entry).expect_err("still open").code(), Code::Internal);
        assert_eq!(writer.finish().expect_err("still open").code(), Code::Internal);
    }
}

#[test]
fn errors_of_output_and_callback_come_out_as_they_are() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other(Error::limit("full", 1)))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl Sink for Full {}
    for format in Format::ALL {
        let writer = Writer::new(format, Full).expect("starts");
        assert_eq!(writer.finish().map(drop).expect_err("full"), Error::limit("full", 1));
        let archive = pack(format, &odd_members());
        let stopped = read(format, Cursor::new(archive), &GENEROUS, |_| Err(Error::not_found("stop")));
        assert_eq!(stopped, Err(Error::not_found("stop")));
    }
}

/// Names as people and their enemies choose them; `FilePath` decides which are names at all.
fn path() -> impl Strategy<Value = FilePath> {
    let segment = prop_oneof![
        4 => "[a-c]{1,2}",
        2 => "[ -~]{1,12}",
        2 => "\\PC{1,12}",
        1 => "[a-zé日]{70,85}",
        1 => Just("x".repeat(255)),
    ];
    proptest::collection::vec(segment, 1..6)
        .prop_filter_map("not a path", |segments| FilePath::parse(&segments.join("/")).ok())
}

fn members() -> impl Strategy<Value = Vec<Member>> {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        ("[a-z\n]{0,20}", 0..200usize).prop_map(|(text, times)| text.repeat(times).into_bytes()),
    ];
    let mode = prop_oneof![Just(Mode::Regular), Just(Mode::Executable), Just(Mode::Symlink)];
    let file = (path(), mode, bytes, "[a-z日]{1,150}");
    proptest::collection::vec(file, 0..12).prop_map(|files| {
        let mut tree: BTreeMap<FilePath, Member> = BTreeMap::new();
        for (path, mode, bytes, target) in files {
            let clashes = |other: &FilePath| path.is_below(other.as_str()) || other.is_below(path.as_str());
            if !tree.keys().any(clashes) {
                let bytes = if mode == Mode::Symlink { target.into_bytes() } else { bytes };
                tree.insert(path.clone(), Member { path, mode, bytes });
            }
        }
        tree.into_values().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn round_trip(members in members(), part in 1..700usize) {
        for format in Format::ALL {
            let archive = pack_in_parts(format, &members, part);
            prop_assert_eq!(&unpack(format, &archive).expect("reads"), &members);
            prop_assert_eq!(archive, pack_in_parts(format, &members, part));
        }
    }
}

/// Takes an archive apart into what is stored already and what is not.
#[derive(Default)]
struct Apart {
    whole: Vec<u8>,
    stored: Vec<(usize, Vec<u8>)>,
}

impl std::io::Write for Apart {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.whole.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink for Apart {
    fn stored(&mut self, bytes: &[u8], from: usize) -> std::io::Result<()> {
        self.stored.push((from, bytes.to_vec()));
        self.whole.write_all(bytes)
    }
}

#[test]
fn a_tar_tells_what_is_stored_already() {
    // Compressed, and raw in more than one block.
    for bytes in [
        vec![b'a'; 300_000],
        (0..300_000u32).flat_map(|n| Hash::of(&n.to_le_bytes()).as_bytes()[..3].to_vec()).collect(),
    ] {
        let file = member("file", Mode::Regular, bytes);
        let parts = content::encode_all(&file.bytes, 3);
        let mut writer = Writer::new(Format::TarZst, Apart::default()).expect("starts");
        put(&mut writer, &file, &parts, AT);
        put(&mut writer, &member("link", Mode::Symlink, "file"), &[content::encode(b"file", 3)], AT);
        let apart = writer.finish().expect("finishes");
        assert_eq!(apart.whole, pack(Format::TarZst, &[file, member("link", Mode::Symlink, "file")]));
        // Of a frame, all but what a checksum changes.
        let range = |part: &Encoded| match part.codec {
            content::Codec::Zstd => 5..part.bytes.len() - 4,
            content::Codec::Raw => 0..part.bytes.len(),
        };
        let mut left = parts.iter().flat_map(|part| &part.bytes[range(part)]);
        for (from, bytes) in &apart.stored {
            let part = parts.iter().find(|part| part.bytes[*from..range(part).end].starts_with(bytes));
            assert!(part.is_some());
            assert!(left.by_ref().take(bytes.len()).eq(bytes));
        }
        assert_eq!(left.next(), None);
        let stored: usize = apart.stored.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(apart.whole.len() - stored < 500);
    }
}
