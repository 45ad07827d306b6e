//! Contents and archives that vectors name, as they are.

use crate::archive::{DELTA_PATH, Delta, Format, Limits, Member, read};
use crate::id::Seq;
use crate::json::{decode_base64, encode_base64};
use crate::mode::Mode;
use std::io::Cursor;

pub const EMPTY: &[u8] = b"";
pub const NUL: &[u8] = b"\x00";
pub const TEXT: &[u8] = "eins \u{e9}\u{1f600}\n".as_bytes();
pub const BYTES: &[u8] = b"\x00\xff";
pub const TARGET: &[u8] = b"a.txt";

pub fn in_base64(contents: &[&[u8]]) -> Vec<String> {
    contents.iter().map(|content| encode_base64(content)).collect()
}

/// A file in an archive.
pub type Packed = (&'static str, Mode, &'static [u8]);

/// One page.
pub const PAGE: &[Packed] = &[("src/index.html", Mode::Regular, NUL)];
/// Text, bytes and a symlink.
pub const FILES: &[Packed] = &[
    ("caf\u{e9}/a.txt", Mode::Regular, TEXT),
    ("src/bytes", Mode::Regular, BYTES),
    ("src/link", Mode::Symlink, TARGET),
];
/// What `event.json` has in bundle 9 and not in bundle 4; `b.bin` is not there any more.
pub const CHANGED: &[Packed] =
    &[("a", Mode::Regular, EMPTY), ("c", Mode::Regular, b"c"), ("d", Mode::Regular, b"d")];

pub const PAGE_ZIP: &str = concat!(
    "UEsDBBQAAAAAAKqxbleN7wLSAQAAAAEAAAAOAA8Ac3JjL2luZGV4Lmh0bWxVVAUAAQDxU2VxdQIApIEAUEsBAhQDFAAAAAAAqrFuV43vAtIBAA",
    "AAAQAAAA4ACQAAAAAAAAAAAKSBAAAAAHNyYy9pbmRleC5odG1sVVQFAAEA8VNlUEsFBgAAAAABAAEARQAAADwAAAAAAA==",
);
pub const FILES_ZIP: &str = concat!(
    "UEsDBBQAAAgAAKqxblfNIGxZDAAAAAwAAAALAA8AY2Fmw6kvYS50eHRVVAUAAQDxU2VxdQIApIFlaW5zIMOp8J+YgApQSwMEFAAAAAAAqrFuV3",
    "L922wCAAAAAgAAAAkADwBzcmMvYnl0ZXNVVAUAAQDxU2VxdQIApIEA/1BLAwQUAAAAAACqsW5XuvfrwQUAAAAFAAAACAAPAHNyYy9saW5rVVQF",
    "AAEA8VNlcXUCAP+hYS50eHRQSwECFAMUAAAIAACqsW5XzSBsWQwAAAAMAAAACwAJAAAAAAAAAAAApIEAAAAAY2Fmw6kvYS50eHRVVAUAAQDxU2",
    "VQSwECFAMUAAAAAACqsW5Xcv3bbAIAAAACAAAACQAJAAAAAAAAAAAApIFEAAAAc3JjL2J5dGVzVVQFAAEA8VNlUEsBAhQDFAAAAAAAqrFuV7r3",
    "68EFAAAABQAAAAgACQAAAAAAAAAAAP+hfAAAAHNyYy9saW5rVVQFAAEA8VNlUEsFBgAAAAADAAMAwQAAALYAAAAAAA==",
);
pub const FILES_TAR: &str = concat!(
    "KLUv/aQABgAACAAAANoDAAAIAQAwMDAwMDAwMDAyNAAwMDAwMDAwMDAwMAAwMDA0MDU1AHgiAwAAQAAAdXN0YXIAMDC6BwAAoAAAMjAgcGF0aD",
    "1jYWbDqS9hLnR4dApiDwAAUAAAY2FmXy9hLnR4dNICAADIAQAwMDAwNjQ0ADAwMDAwMDAAMDAwMDAwMAAwMDAwMDAwMDAxNAAxNDUyNDc3MDQw",
    "MAAwMDA3NjUzADAiAwAAQAAAdXN0YXIAMDC7BwAA/lUiFyi1L/2kDAAAAGEAAGVpbnMgw6nwn5iACgtVmqkotS/9pPQDAAAIAAAAmg8AAEgAAH",
    "NyYy9ieXRlc9oCAADIAQAwMDAwNjQ0ADAwMDAwMDAAMDAwMDAwMAAwMDAwMDAwMDAwMgAxNDUyNDc3MDQwMAAwMDA3NjM3ADAiAwAAQAAAdXN0",
    "YXIAMDC7BwAARvyn+Ci1L/2kAgAAABEAAAD/fR0TAyi1L/2k/gMAAAgAAADqDwAAQAAAc3JjL2xpbmviAgAA8AEAMDAwMDc3NwAwMDAwMDAwAD",
    "AwMDAwMDAAMDAwMDAwMDAwMDAAMTQ1MjQ3NzA0MDAAMDAxMDQzNAAyYS50eHT6AgAAQAAAdXN0YXIAMDC7BwAANwA+h1EqTRhUAAAAcXVpcmUg",
    "ZmlsZXMgYmxha2UzIGIzMTE5NDk4ZTBiOGNjNDI4NGQzZGUwZDE1NDkxNTI4ZTQ4ODVkMTI0ZDAyNjkyMGZlMjRmNWJkNjFjMzU1ZmIKKLUv/a",
    "QABAAACAAAAPsfAADNrIXw",
);
pub const CHANGED_TAR: &str = concat!(
    "KLUv/aQAAgAAiAAALnF1aXJlL2RlbHRhLmpzb26aAgAAyAEAMDAwMDY0NAAwMDAwMDAwADAwMDAwMDAAMDAwMDAwMDAwNTMAMTQ1MjQ3NzA0MD",
    "AAMDAxMTE3NAAwIgMAAEAAAHVzdGFyADAwuwcAAJWLqsgotS/9pCsAAABZAQB7InNpbmNlX3NlcSI6NCwic2VxIjo5LCJkZWxldGVkIjpbImIu",
    "YmluIl194RVhCii1L/2k1QUAAAgAAACiDgAACAAAYRoDAADIAQAwMDAwNjQ0ADAwMDAwMDAAMDAwMDAwMAAwMDAwMDAwMDAwMAAxNDUyNDc3MD",
    "QwMAAwMDA2MTQwADAiAwAAQAAAdXN0YXIAMDC6BwAACAAAYxoDAADIAQAwMDAwNjQ0ADAwMDAwMDAAMDAwMDAwMAAwMDAwMDAwMDAwMQAxNDUy",
    "NDc3MDQwMAAwMDA2MTQzADAiAwAAQAAAdXN0YXIAMDC7BwAAfSftxSi1L/2kAQAAAAkAAGPtVwbEKLUv/aT/AwAACAAAAPIPAAAIAABkGgMAAM",
    "gBADAwMDA2NDQAMDAwMDAwMAAwMDAwMDAwADAwMDAwMDAwMDAxADE0NTI0NzcwNDAwADAwMDYxNDQAMCIDAABAAAB1c3RhcgAwMLsHAACfSicA",
    "KLUv/aQBAAAACQAAZOQUfZAotS/9pP8BAAAIAAAA8w8AABwbZzxRKk0YVAAAAHF1aXJlIGZpbGVzIGJsYWtlMyBlYzRlMDJjMzViZmIzM2YyNT",
    "hiOGNhMjlkNzgwNWVmNzA2N2MwNWZkZTMwZDhkYzQwZTdkNmY5ZGZjOTBmMTgxCii1L/2kAAQAAAgAAAD7HwAAzayF8A==",
);

/// A snapshot as somebody restores it.
pub fn unpacked(format: Format, archive: &[u8]) -> (Vec<Member>, Option<Delta>) {
    let most = 1 << 20;
    let limits = Limits {
        max_files: 100,
        max_file_bytes: most,
        max_total_bytes: most,
        max_name_bytes: most,
        bytes_per_file: 0,
    };
    let (mut files, mut delta) = (Vec::new(), None);
    read(format, Cursor::new(archive), &limits, |member| {
        match member.path.as_str() {
            DELTA_PATH => delta = Some(Delta::parse(&member.bytes, &limits)?),
            _ => files.push(member),
        }
        Ok(())
    })
    .expect("an archive");
    (files, delta)
}

#[test]
fn archives_hold_what_they_are_said_to_hold() {
    for (archive, format, files) in [
        (PAGE_ZIP, Format::Zip, PAGE),
        (FILES_ZIP, Format::Zip, FILES),
        (FILES_TAR, Format::TarZst, FILES),
        (CHANGED_TAR, Format::TarZst, CHANGED),
    ] {
        let (members, delta) = unpacked(format, &decode_base64(archive).expect("base64"));
        let held: Vec<_> = members
            .iter()
            .map(|member| (member.path.as_str(), member.mode, member.bytes.as_slice()))
            .collect();
        assert_eq!(held, files);
        let gone =
            delta.map(|Delta { since_seq, seq, deleted }| (since_seq, seq, deleted[0].as_str().to_owned()));
        assert_eq!(gone, (archive == CHANGED_TAR).then(|| (Seq(4), Seq(9), "b.bin".to_owned())));
    }
}
