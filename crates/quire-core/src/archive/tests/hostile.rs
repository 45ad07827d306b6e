//! Archives that were made, or changed, to do harm.

use super::*;
use tar::{Builder, EntryType, Header};

const TIGHT: Limits = Limits {
    max_files: 3,
    max_file_bytes: 1000,
    max_total_bytes: 2000,
    max_name_bytes: 300,
    bytes_per_file: 0,
};

/// A zip archive of these names, Unix modes and contents, made by somebody else's library.
fn zip_of(files: &[(&[u8], u32, &[u8])]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, mode, bytes) in files {
        let (mut entry, config) = archive
            .new_file(rawzip::path::EntryPath::verbatim(name.to_vec()))
            .unix_permissions(*mode)
            .start()
            .expect("starts");
        let mut writer = config.wrap(&mut entry);
        std::io::Write::write_all(&mut writer, bytes).expect("writes");
        let (_, descriptor) = writer.finish().expect("finishes");
        entry.finish(descriptor).expect("finishes");
    }
    archive.finish().expect("finishes")
}

fn compressed(tar: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(tar, 3).expect("compresses")
}

fn header(name: &[u8], kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

/// A tar archive of these names, types, link targets and contents.
fn tar_of(files: &[(&[u8], EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, target, bytes) in files {
        let mut header = header(name, *kind, bytes.len() as u64);
        header.set_link_name_literal(target).expect("short");
        header.set_cksum();
        builder.append(&header, *bytes).expect("appends");
    }
    compressed(&builder.into_inner().expect("finishes"))
}

/// What reading both archives of files with these names gives.
fn read_names(names: &[&[u8]]) -> Vec<Result<Vec<Member>>> {
    let zip: Vec<_> = names.iter().map(|name| (*name, 0o100_644, &b"x"[..])).collect();
    let tar: Vec<_> = names.iter().map(|name| (*name, EntryType::Regular, "", &b"x"[..])).collect();
    vec![unpack(Format::Zip, &zip_of(&zip)), unpack(Format::TarZst, &tar_of(&tar))]
}

fn code(result: Result<Vec<Member>>) -> Code {
    result.expect_err("refused").code()
}

#[test]
fn bad_names_are_refused() {
    for name in [
        &b"/etc/passwd"[..],
        b"../a",
        b"a/../../b",
        b"a/./b",
        b".//a",
        b"a//b",
        b"a\\b",
        b"C:\\a",
        b"a\nb",
        b"a\xff",
    ] {
        for result in read_names(&[name]) {
            assert_eq!(code(result), Code::Validation, "{}", name.escape_ascii());
        }
    }
    // Tar ends names there.
    assert_eq!(code(unpack(Format::Zip, &zip_of(&[(b"a\0b", 0o100_644, b"")]))), Code::Validation);
    let bad = [(&b"../../a/"[..], 0o040_755, &b""[..])];
    assert_eq!(code(unpack(Format::Zip, &zip_of(&bad))), Code::Validation);
}

#[test]
fn clashing_names_are_refused() {
    for names in [
        [&b"a"[..], b"a"],
        [b"a", b"./a"],
        ["é".as_bytes(), "e\u{301}".as_bytes()],
        [b"a", b"a/b"],
        [b"a/b/c", b"a"],
    ] {
        for result in read_names(&names) {
            assert_eq!(code(result), Code::Validation, "{names:?}");
        }
    }
    for result in read_names(&[b"a", b"a.b", b"a-b/c", b"b/a"]) {
        assert_eq!(result.expect("no clash").len(), 4);
    }
}

#[test]
fn names_are_normalised() {
    for result in read_names(&["./././e\u{301}".as_bytes()]) {
        assert_eq!(result.expect("reads"), [member("é", Mode::Regular, "x")]);
    }
}

#[test]
fn links_stay_inside() {
    for (target, allowed) in
        [("b", true), ("../b", true), ("../../b", false), ("/b", false), ("b/../../..", false), ("", false)]
    {
        let zip = zip_of(&[(b"d/a", 0o120_777, target.as_bytes())]);
        let tar = tar_of(&[(b"d/a", EntryType::Symlink, target, b"")]);
        for result in [unpack(Format::Zip, &zip), unpack(Format::TarZst, &tar)] {
            if allowed {
                assert_eq!(result.expect(target), [member("d/a", Mode::Symlink, target)]);
            } else {
                assert_eq!(code(result), Code::Validation, "{target}");
            }
        }
    }
}

#[test]
fn only_files_directories_and_symlinks() {
    for kind in [EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse] {
        assert_eq!(code(unpack(Format::TarZst, &tar_of(&[(b"a", kind, "b", b"")]))), Code::Validation);
    }
    for mode in [0o010_644, 0o020_644, 0o060_644, 0o140_644] {
        assert_eq!(code(unpack(Format::Zip, &zip_of(&[(b"a", mode, b"")]))), Code::Validation);
    }
    let tar = tar_of(&[(b"./", EntryType::Directory, "", b""), (b"d/", EntryType::Directory, "", b"")]);
    assert_eq!(unpack(Format::TarZst, &tar).expect("reads"), []);
    let zip = zip_of(&[(b"d/", 0o040_755, b""), (b"d/a", 0o100_711, b"x")]);
    assert_eq!(unpack(Format::Zip, &zip).expect("reads"), [member("d/a", Mode::Executable, "x")]);
}

#[test]
fn encrypted_and_exotic_zips_are_refused() {
    let zip = zip_of(&[(b"a", 0o100_644, b"x")]);
    let central = zip.windows(4).position(|window| window == b"PK\x01\x02").expect("a central header");
    for (at, value) in [(8, 9), (10, 12)] {
        let mut changed = zip.clone();
        changed[central + at] = value;
        assert_eq!(code(unpack(Format::Zip, &changed)), Code::Validation);
    }
    let mut two_names = zip.clone();
    two_names[30] = b'b';
    assert_eq!(code(unpack(Format::Zip, &two_names)), Code::Validation);
}

#[test]
fn what_stands_twice_must_be_the_same() {
    let zip = pack(Format::Zip, &[member("ab", Mode::Regular, "x")]);
    let central = zip.windows(4).position(|window| window == b"PK\x01\x02").expect("a central header");
    assert_eq!(zip[central + 38..central + 42], (0o100_644_u32 << 16).to_le_bytes());
    assert_eq!((zip[central + 5], &zip[central + 46..central + 48]), (3, &b"ab"[..]));
    // A directory, a symlink, something executable; made on MS-DOS; a directory, by its name.
    for (at, byte, what) in
        [(41, 0x41, "modes"), (41, 0xa1, "modes"), (40, 0xff, "modes"), (5, 0, "modes"), (47, b'/', "names")]
    {
        let mut changed = zip.clone();
        changed[central + at] = byte;
        let error = unpack(Format::Zip, &changed).expect_err("two of them");
        assert!(error.message().ends_with(&format!("a file has two {what}")), "{error}");
    }
}

#[test]
fn names_that_only_some_readers_see_are_refused() {
    let name = |crc: &[u8], name: &[u8]| [b"\x01", crc, name].concat();
    for (unicode_path, is_same) in
        [(name(b"0000", b"a"), true), (name(b"0000", b"b"), false), (name(b"", b"a"), false)]
    {
        let mut zip = zip_of(&[(b"a", 0o100_644, b"x")]);
        let field = [b"up", &(unicode_path.len() as u16).to_le_bytes()[..], &unicode_path].concat();
        let central = zip.windows(4).position(|window| window == b"PK\x01\x02").expect("a central header");
        let end = zip.windows(4).position(|window| window == b"PK\x05\x06").expect("an end");
        assert_eq!(zip[central + 30..central + 32], [0, 0], "no extra field yet");
        zip[central + 30..central + 32].copy_from_slice(&(field.len() as u16).to_le_bytes());
        let size = (end - central + field.len()) as u32;
        zip[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
        zip.splice(central + 47..central + 47, field);
        match unpack(Format::Zip, &zip) {
            Ok(members) => assert!(is_same && members == [member("a", Mode::Regular, "x")]),
            Err(error) => assert!(!is_same && error.message().contains("two names"), "{error}"),
        }
    }
    for (pax, is_harmless) in [
        ("11 comment=\n", false),
        ("12 comment=\n", true),
        ("10 path=b\n", false),
        ("9 path=b\n", false),
        ("9 size=9\n", false),
    ] {
        let mut builder = Builder::new(Vec::new());
        builder
            .append(&header(b"pax", EntryType::XGlobalHeader, pax.len() as u64), pax.as_bytes())
            .expect("appends");
        builder.append(&header(b"a", EntryType::Regular, 1), &b"x"[..]).expect("appends");
        let result = unpack(Format::TarZst, &compressed(&builder.into_inner().expect("finishes")));
        match is_harmless {
            true => assert_eq!(result.expect(pax), [member("a", Mode::Regular, "x")]),
            false => assert_eq!(code(result), Code::Validation, "{pax}"),
        }
    }
}

#[test]
fn long_names_of_pax_and_gnu_are_read() {
    let long = ["d".repeat(200), "é".repeat(100)].join("/");
    for gnu in [false, true] {
        let mut builder = Builder::new(Vec::new());
        if gnu {
            let name = format!("{long}\0");
            let long_name = header(b"././@LongLink", EntryType::GNULongName, name.len() as u64);
            builder.append(&long_name, name.as_bytes()).expect("appends");
        } else {
            let pax = [("comment", &b"with\na line"[..]), ("path", long.as_bytes()), ("size", b"1")];
            builder.append_pax_extensions(pax).expect("appends");
        }
        builder.append(&header(b"short", EntryType::Regular, 1), &b"x"[..]).expect("appends");
        builder.append(&header(b"next", EntryType::Regular, 1), &b"y"[..]).expect("appends");
        let archive = compressed(&builder.into_inner().expect("finishes"));
        let expected = [member(&long, Mode::Regular, "x"), member("next", Mode::Regular, "y")];
        assert_eq!(unpack(Format::TarZst, &archive).expect("reads"), expected);
    }
}

#[test]
fn malformed_extensions_are_refused() {
    let mut archives = Vec::new();
    for pax in [
        "",
        "x",
        "9 path=a\n",
        "10 path=ab\n",
        "8 path=a\n",
        "7 path\n",
        "99999999999 path=a\n",
        "9 size=x\n",
    ] {
        let mut builder = Builder::new(Vec::new());
        builder.append(&header(b"x", EntryType::XHeader, pax.len() as u64), pax.as_bytes()).expect("appends");
        if !pax.is_empty() {
            builder.append(&header(b"short", EntryType::Regular, 1), &b"x"[..]).expect("appends");
        }
        archives.push((pax, builder.into_inner().expect("finishes")));
    }
    for (pax, archive) in archives {
        let result = unpack(Format::TarZst, &compressed(&archive));
        match pax {
            "9 path=a\n" => assert_eq!(result.expect("well-formed").len(), 1),
            _ => assert_eq!(code(result), Code::Validation, "{pax}"),
        }
    }
}

#[test]
fn limits_hold() {
    let kilobyte = [b'x'; 1000];
    for format in Format::ALL {
        let file = |name: &str, length: usize| member(name, Mode::Regular, &kilobyte[..length]);
        for (files, limit) in [
            (vec![file("a", 1000), file("b", 1000), file("c", 0)], None),
            (vec![file("a", 0), file("b", 0), file("c", 0), file("d", 0)], Some("too many files")),
            (vec![member("a", Mode::Regular, vec![0; 1001])], Some("too long")),
            (vec![file("a", 1000), file("b", 1000), file("c", 1)], Some("too many bytes")),
            (vec![file(&"a".repeat(150), 0), file(&"b".repeat(150), 0)], None),
            (vec![file(&"a".repeat(150), 0), file(&"b".repeat(151), 0)], Some("names in the archive")),
        ] {
            let result = unpack_within(format, &pack(format, &files), &TIGHT);
            match limit {
                None => assert_eq!(result.expect("within limits"), files),
                Some(what) => {
                    let error = result.expect_err("over a limit");
                    assert_eq!(error.code(), Code::Limit);
                    assert!(error.message().contains(what), "{error}");
                }
            }
        }
    }
}

/// 1 GiB of zeros in a few kilobytes.
fn bomb_tar(first: &Header) -> Vec<u8> {
    let zeros = zstd::bulk::compress(&vec![0; 1 << 24], 3).expect("compresses");
    let mut bomb = compressed(first.as_bytes());
    for _ in 0..64 {
        bomb.extend_from_slice(&zeros);
    }
    bomb
}

#[test]
fn bombs_do_not_go_off() {
    let size = 1 << 30;
    let file = bomb_tar(&header(b"a", EntryType::Regular, size));
    assert_eq!(code(unpack_within(Format::TarZst, &file, &TIGHT)), Code::Limit);
    let directory = bomb_tar(&header(b"a/", EntryType::Directory, size));
    assert_eq!(code(unpack_within(Format::TarZst, &directory, &TIGHT)), Code::Limit);
    let long_name = bomb_tar(&header(b"a", EntryType::GNULongName, size));
    assert_eq!(code(unpack_within(Format::TarZst, &long_name, &TIGHT)), Code::Validation);
    let after_the_end = bomb_tar(&Header::from_byte_slice(&[0; 512]).clone());
    assert_eq!(code(unpack_within(Format::TarZst, &after_the_end, &TIGHT)), Code::Limit);

    let directories: Vec<u8> = header(b"a/", EntryType::Directory, 0).as_bytes().repeat(1 << 15);
    assert_eq!(code(unpack_within(Format::TarZst, &compressed(&directories), &TIGHT)), Code::Limit);

    let zeros = member("a", Mode::Regular, vec![0; 8 << 20]);
    assert_eq!(code(unpack_within(Format::Zip, &pack(Format::Zip, &[zeros]), &TIGHT)), Code::Limit);
}

#[test]
fn overlapping_zip_entries_are_bounded() {
    let one = pack(Format::Zip, &[member("a", Mode::Regular, vec![0; 900])]);
    let start = one.windows(4).position(|window| window == b"PK\x01\x02").expect("a central header");
    let end = one.windows(4).position(|window| window == b"PK\x05\x06").expect("an end");
    let central = &one[start..end];
    let mut bomb = one[..end].to_vec();
    for _ in 1..1000 {
        bomb.extend_from_slice(central);
    }
    let mut record = one[end..].to_vec();
    record[8..10].copy_from_slice(&1000u16.to_le_bytes());
    record[10..12].copy_from_slice(&1000u16.to_le_bytes());
    record[12..16].copy_from_slice(&(1000 * central.len() as u32).to_le_bytes());
    bomb.extend_from_slice(&record);
    assert_eq!(code(unpack(Format::Zip, &bomb)), Code::Validation);
}

#[test]
fn frames_with_huge_windows_are_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("starts");
    encoder.window_log(28).expect("known");
    std::io::Write::write_all(&mut encoder, &[0; 1 << 16]).expect("compresses");
    let archive = encoder.finish().expect("finishes");
    assert_eq!(code(unpack(Format::TarZst, &archive)), Code::Validation);
}

#[test]
fn every_truncation_is_an_error() {
    let members = [
        member("a", Mode::Regular, "some text ".repeat(60)),
        member("日本語", Mode::Symlink, "a"),
        member("z", Mode::Executable, ""),
    ];
    for format in Format::ALL {
        let archive = pack(format, &members);
        for length in 0..archive.len() {
            assert_eq!(code(unpack(format, &archive[..length])), Code::Validation, "{format:?} {length}");
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Flip(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Copy(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), 1..50usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (at(), proptest::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at(), at(), 1..200usize).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ]
}

fn apply(change: Change, bytes: &mut Vec<u8>) {
    let size = bytes.len().max(1);
    match change {
        _ if bytes.is_empty() => {}
        Change::Set(at, byte) => bytes[at % size] = byte,
        Change::Flip(at, bit) => bytes[at % size] ^= 1 << bit,
        Change::Remove(at, length) => drop(bytes.drain(at % size..(at % size + length).min(size))),
        Change::Insert(at, more) => drop(bytes.splice(at % size..at % size, more)),
        Change::Copy(from, to, length) => {
            let from = from % size;
            let copy = bytes[from..(from + length).min(size)].to_vec();
            bytes.splice(to % size..to % size, copy);
        }
    }
}

pub fn small_members() -> Vec<Member> {
    vec![
        member("a", Mode::Regular, "some text ".repeat(60)),
        member("b/noise", Mode::Regular, Hash::of(b"noise").as_bytes().to_vec()),
        member("b/日本語", Mode::Symlink, "../a"),
        member("c", Mode::Executable, ""),
        member("d", Mode::Regular, (0..=255).collect::<Vec<u8>>()),
    ]
}

/// Either an error that says so, or what was put in, but for modes: those stand twice, and both may change.
fn check_changed_zip(changed: &[u8]) {
    match unpack_within(Format::Zip, changed, &GENEROUS) {
        Err(error) => assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}"),
        Ok(found) => {
            let known = small_members();
            for file in found {
                let is_known =
                    known.iter().any(|member| member.path == file.path && member.bytes == file.bytes);
                assert!(is_known, "{file:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_zips_are_refused_or_harmless(changes in proptest::collection::vec(change(), 1..4), part in prop_oneof![Just(50usize), Just(10_000)]) {
        let mut archive = pack_in_parts(Format::Zip, &small_members(), part);
        changes.into_iter().for_each(|change| apply(change, &mut archive));
        check_changed_zip(&archive);
    }

    #[test]
    fn changed_tars_are_refused_or_harmless(changes in proptest::collection::vec(change(), 1..4), part in prop_oneof![Just(50usize), Just(10_000)]) {
        let mut archive = pack_in_parts(Format::TarZst, &small_members(), part);
        changes.into_iter().for_each(|change| apply(change, &mut archive));
        match unpack(Format::TarZst, &archive) {
            Err(error) => prop_assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}"),
            Ok(found) => prop_assert!(found.iter().all(|file| small_members().contains(file)), "{found:?}"),
        }
    }

    /// The same, with changes inside of the compression.
    #[test]
    fn changed_headers_do_no_harm(changes in proptest::collection::vec(change(), 1..4)) {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions([("path", &b"b/long"[..]), ("size", b"1")]).expect("appends");
        builder.append(&header(b"b", EntryType::Regular, 1), &b"x"[..]).expect("appends");
        builder.append(&header(b"l", EntryType::GNULongName, 5), &b"long\0"[..]).expect("appends");
        builder.append(&header(b"c", EntryType::Regular, 600), &[7; 600][..]).expect("appends");
        let mut tar = builder.into_inner().expect("finishes");
        changes.into_iter().for_each(|change| apply(change, &mut tar));
        if let Err(error) = unpack_within(Format::TarZst, &compressed(&tar), &TIGHT) {
            prop_assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}");
        }
    }

    #[test]
    fn garbage_is_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), zip in any::<bool>()) {
        let (format, magic) = match zip {
            true => (Format::Zip, &b"PK\x05\x06"[..]),
            false => (Format::TarZst, &[0x28, 0xb5, 0x2f, 0xfd][..]),
        };
        prop_assert_eq!(code(unpack(format, &bytes)), Code::Validation);
        bytes.splice(0..0, magic.iter().copied());
        if let Err(error) = unpack(format, &bytes) {
            prop_assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}");
        }
    }
}
