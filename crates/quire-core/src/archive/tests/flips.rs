//! Bytes that change on the way: each change is refused, or what comes out is the same.

use super::hostile::small_members;
use super::*;
use crate::dice::Dice;

/// A tree with content of every kind: compressed, raw, in more than one block, none; links, modes and long names.
fn tree() -> Vec<Member> {
    let noise: Vec<u8> = (0..5000u32).flat_map(|n| *Hash::of(&n.to_le_bytes()).as_bytes()).collect();
    vec![
        member("README", Mode::Regular, "read me\n"),
        member("bin/link", Mode::Symlink, "../README"),
        member("bin/run", Mode::Executable, "#!/bin/sh\nexec true\n".repeat(30)),
        member("empty", Mode::Regular, ""),
        member("noise", Mode::Regular, noise),
        member("text", Mode::Regular, "Line after line, and each of them the same.\n".repeat(300)),
        member("日本語/ファイル.txt", Mode::Regular, "some text ".repeat(60)),
    ]
}

/// As a delta has it.
fn delta() -> Vec<Member> {
    let text = r#"{"since_seq":1,"seq":2,"deleted":["bin/build","docs/old.md","src/a.rs","src/b.rs"]}"#;
    let mut members = tree();
    members.insert(0, member(DELTA_PATH, Mode::Regular, text));
    members
}

/// A part as it was stored before frames had checksums.
fn without_checksum(part: Encoded) -> Encoded {
    let Encoded { codec, size, mut bytes } = part;
    if codec == content::Codec::Zstd {
        assert_eq!(bytes[4] & 4, 4, "a frame with a checksum");
        bytes[4] &= !4;
        bytes.truncate(bytes.len() - 4);
    }
    Encoded { codec, size, bytes }
}

fn pack_without_checksums(format: Format, members: &[Member], part: usize) -> Vec<u8> {
    let mut writer = Writer::new(format, Vec::new()).expect("starts");
    for member in members {
        let parts = member.bytes.chunks(part).map(|bytes| without_checksum(content::encode(bytes, 3)));
        put(&mut writer, member, &parts.collect::<Vec<_>>(), AT);
    }
    writer.finish().expect("finishes")
}

/// Counts what becomes of changed archives, of which none may be read as anything else.
fn check(what: &str, format: Format, expected: &[Member], archives: impl Iterator<Item = Vec<u8>>) {
    let (mut refused, mut same) = (0, 0);
    for (number, archive) in archives.enumerate() {
        match unpack(format, &archive) {
            Err(error) => {
                assert!(matches!(error.code(), Code::Validation | Code::Limit), "{what} {number}: {error}");
                refused += 1;
            }
            Ok(found) => {
                assert!(found == expected, "{what} {number} passes for another {}", format.as_str());
                same += 1;
            }
        }
    }
    println!("{what} {}: {refused} refused, {same} without effect", format.as_str());
}

#[test]
fn a_changed_byte_is_refused_or_changes_nothing() {
    let mut dice = Dice::new();
    for format in Format::ALL {
        for (what, members, part) in
            [("full", tree(), 1 << 20), ("full, in parts,", tree(), 3000), ("delta", delta(), 1 << 20)]
        {
            let archive = pack_without_checksums(format, &members, part);
            let changed = (0..450).map(|_| {
                let mut changed = archive.clone();
                changed[dice.throw(archive.len())] ^= 1 + dice.throw(255) as u8;
                changed
            });
            check(what, format, &members, changed);
        }
    }
}

/// The frames of a tar.zst.
fn frames(archive: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = archive;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = zstd::zstd_safe::find_frame_compressed_size(rest).expect("a frame");
        frames.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    frames
}

#[test]
fn frames_that_are_moved_come_twice_or_are_missing_are_noticed() {
    let members = tree();
    let frames = frames(&pack_without_checksums(Format::TarZst, &members, 1 << 20));
    let places = 0..frames.len();
    let is_listing = |frame: &Vec<u8>| frame.starts_with(&[0x51, 0x2a, 0x4d, 0x18]);
    assert_eq!(frames.iter().filter(|frame| is_listing(frame)).count(), 1);
    let pairs = places.clone().flat_map(|one| places.clone().map(move |other| (one, other)));
    let swapped = pairs.clone().map(|(one, other)| {
        let mut frames = frames.clone();
        frames.swap(one, other);
        frames.concat()
    });
    check("swapped", Format::TarZst, &members, swapped);
    let moved = pairs.clone().map(|(one, other)| {
        let mut frames = frames.clone();
        let frame = frames.remove(one);
        frames.insert(other, frame);
        frames.concat()
    });
    check("moved", Format::TarZst, &members, moved);
    let twice = pairs.clone().map(|(one, other)| {
        let mut frames = frames.clone();
        frames.insert(other, frames[one].clone());
        frames.concat()
    });
    check("twice", Format::TarZst, &members, twice);
    // But for the frame that tells: without it the archive is one as other programs make them.
    let missing = pairs.filter(|(one, other)| one <= other).filter_map(|(one, other)| {
        let mut frames = frames.clone();
        let has_listing = frames.drain(one..=other).any(|frame| is_listing(&frame));
        (!has_listing).then(|| frames.concat())
    });
    check("missing", Format::TarZst, &members, missing);
}

#[test]
fn a_changed_bit_is_refused_or_changes_nothing() {
    for format in Format::ALL {
        for (what, members, part) in [
            ("full", small_members(), 250),
            ("full", small_members(), 1000),
            ("delta", delta()[..3].to_vec(), 1000),
        ] {
            let archive = pack_in_parts(format, &members, part);
            let changed = (0..archive.len() * 8).map(|bit| {
                let mut changed = archive.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                changed
            });
            check(what, format, &members, changed);
        }
    }
}

#[test]
fn frames_that_were_stored_without_a_checksum_get_one() {
    for part in [700, 1 << 20] {
        let with = pack_in_parts(Format::TarZst, &delta(), part);
        assert!(pack_without_checksums(Format::TarZst, &delta(), part) == with);
    }
}

#[test]
fn archives_from_before_there_were_checksums_are_read() {
    let archive = include_bytes!("without_checksums.tar.zst");
    let mut members = small_members();
    members.insert(0, member(DELTA_PATH, Mode::Regular, r#"{"since_seq":1,"seq":2,"deleted":["e"]}"#));
    assert_eq!(unpack(Format::TarZst, archive).expect("reads"), members);
}

/// A frame that is left out or comes again breaks no checksum of a frame.
#[test]
fn whole_frames_are_missed() {
    let files = ["a", "b", "c"].map(|path| member(path, Mode::Regular, format!("{path} {path}")));
    let archive = pack(Format::TarZst, &files);
    let starts: Vec<usize> = archive
        .windows(4)
        .enumerate()
        .filter_map(|(at, bytes)| (bytes == [0x28, 0xb5, 0x2f, 0xfd]).then_some(at))
        .collect();
    // Content, and the bytes between it and the next one.
    let [_, first, _, second, ..] = starts[..] else { panic!("frames") };
    let without = [&archive[..first], &archive[second..]].concat();
    let error = unpack(Format::TarZst, &without).expect_err("refused");
    assert_eq!(error.message(), "the archive is damaged: it does not hold the files that it was made of");
    let swapped = [
        &archive[..first],
        &archive[second..starts[4]],
        &archive[starts[2]..second],
        &archive[first..starts[2]],
        &archive[starts[4]..],
    ]
    .concat();
    let error = unpack(Format::TarZst, &swapped).expect_err("refused");
    assert_eq!(error.message(), "the archive is damaged: it does not hold the files that it was made of");
}

/// Content that is damaged where it is stored gets no checksum that says it is right.
#[test]
fn stored_damage_is_not_confirmed() {
    let noise = Hash::of(b"noise").as_bytes().to_vec();
    for (bytes, is_raw) in [(noise, true), (b"some text ".repeat(60), false)] {
        let file = member("a", Mode::Regular, bytes);
        let mut other = file.bytes.clone();
        other[3] ^= 1;
        let (size, hash) = (file.bytes.len() as u64, Hash::of(&file.bytes));
        for format in Format::ALL {
            let part = without_checksum(content::encode(&other, 3));
            assert_eq!(part.codec == content::Codec::Raw, is_raw);
            let mut writer = Writer::new(format, Vec::new()).expect("starts");
            writer
                .begin(&Entry { path: "a", mode: Mode::Regular, size, hash, modified_at: AT })
                .expect("begins");
            writer.part(part.codec, part.size, &part.bytes).expect("a part");
            assert_eq!(writer.end().expect_err("damaged").code(), Code::Corrupt);
        }
        // Where it had one, that of all files says so.
        let part = content::encode(&other, 3);
        let mut writer = Writer::new(Format::TarZst, Vec::new()).expect("starts");
        writer.begin(&Entry { path: "a", mode: Mode::Regular, size, hash, modified_at: AT }).expect("begins");
        writer.part(part.codec, part.size, &part.bytes).expect("a part");
        if !is_raw {
            writer.end().expect("not looked at");
            assert_eq!(
                unpack(Format::TarZst, &writer.finish().expect("finishes")).expect_err("another").code(),
                Code::Validation
            );
        }
    }
}

#[test]
fn damage_is_reported_with_the_file_it_is_read_in() {
    let noise = Hash::of(b"noise").as_bytes().to_vec();
    for format in Format::ALL {
        let mut archive = pack(format, &[member("a/noise", Mode::Regular, noise.clone())]);
        let at = archive.windows(noise.len()).position(|window| window == noise).expect("as it is stored");
        archive[at] ^= 1;
        let error = unpack(format, &archive).map(drop).expect_err("damaged");
        assert!(error.message().starts_with("the archive is damaged: "), "{error}");
        assert_eq!(error.member("file_path"), Some(&"a/noise".into()), "{error}");
    }
}
