//! How much memory the readers of what anybody may send take: a stated multiple of what came in, whatever it is.

#[path = "../../../tests/lib/heap.rs"]
mod heap;

use heap::{BUFFERS, FACTOR, kept, peak};
use proptest::prelude::*;
use quire_core::archive::{Delta, Entry, Format, Limits, Member, Writer, read, read_below};
use quire_core::content::{CHUNK_BYTES, Codec};
use quire_core::error::Code;
use quire_core::export::{FILES, HISTORY, Reader, add};
use quire_core::hash::Hash;
use quire_core::mode::Mode;
use quire_core::path::FilePath;
use std::io::Cursor;

const LIMITS: Limits = Limits {
    max_files: 1_000_000,
    max_file_bytes: 1 << 30,
    max_total_bytes: 1 << 30,
    max_name_bytes: 1 << 28,
    bytes_per_file: 0,
};

/// JSON that is short, and would be large as a tree.
fn bomb() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "{\"\":0}",
        "[]",
        "{}",
        "0",
        "[[0]]",
        "{\"a\":{\"b\":null}}",
        "\"\\u0041\"",
    ]);
    (prop::collection::vec(part, 1..8), 1usize..40_000)
        .prop_map(|(parts, times)| format!("[{}0]", format!("{},", parts.join(",")).repeat(times)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Of what is only handed on, or left out, no tree is made.
    #[test]
    fn lines_of_a_history_take_what_they_are_long(bomb in bomb(), kind in 0usize..4) {
        let hash = Hash::ZERO.to_hex();
        let id = "00000000-0000-4000-8000-000000000001";
        let (kind, line) = [
            ("bundles", format!("{{\"header\": {{\"project_id\": \"{id}\", \"seq\": 1, \"bundle_id\": \"{id}\", \"kind\": \"x\",
                \"actor_id\": \"{id}\", \"committed_at\": 1}}, \"committed_at\": \"\", \"op_count\": 0, \"prev_checksum\": \"{hash}\",
                \"checksum\": \"{hash}\", \"details\": {bomb}}}").replace('\n', "")),
            ("operations", format!("{{\"seq\": 1, \"ordinal\": 1, \"op\": {{}}, \"checksum\": \"{hash}\", \"before\": {bomb}}}")),
            ("tags", format!("{{\"tag\": \"t\", \"seq\": 1, \"author\": {bomb}}}")),
            ("bundles", format!("{{\"more\": {bomb}}}")),
        ][kind].clone();
        let mut archive = Writer::new(Format::Zip, Vec::new()).expect("starts");
        add(&mut archive, &format!("{HISTORY}{kind}/000001.jsonl"), line.as_bytes(), 0).expect("a file");
        let bytes = archive.finish().expect("finishes");
        let mut reader = Reader::default();
        let (outcome, peak) =
            peak(|| read_below(FILES, Format::Zip, Cursor::new(&bytes), &LIMITS, |member| reader.take(&member)));
        prop_assert!(outcome.is_ok() || matches!(outcome.expect_err("refused").code(), Code::Invariant | Code::Limit));
        prop_assert!(peak <= FACTOR * line.len() + BUFFERS, "{kind}: {peak} bytes for {}", line.len());
    }

    #[test]
    fn many_files_take_what_their_archive_is_long(count in 1usize..20_000, format in 0usize..2) {
        let format = Format::ALL[format];
        let mut archive = Writer::new(format, Vec::new()).expect("starts");
        for n in 0..count {
            let path = format!("d{}/f{n}", n % 100);
            archive.begin(&Entry { path: &path, mode: Mode::Regular, size: 1, hash: Hash::of(b"x"), modified_at: 0 }).expect("begins");
            archive.part(Codec::Raw, 1, b"x").expect("a part");
            archive.end().expect("ends");
        }
        let bytes = archive.finish().expect("finishes");
        let (outcome, peak) = peak(|| read(format, Cursor::new(&bytes), &LIMITS, |_| Ok(())));
        prop_assert!(outcome.is_ok());
        // A tar is 1,024 bytes of headers and padding for each, before it is compressed.
        let unpacked = if format == Format::Zip { bytes.len() } else { count << 10 };
        prop_assert!(peak <= FACTOR * unpacked + BUFFERS + CHUNK_BYTES, "{format:?}: {peak} for {unpacked}");
    }
}

/// What an archive says went away is refused at the first path that is not as it should be, or one too many.
#[test]
fn what_went_away_takes_what_its_names_are_long() {
    let delta = |paths: String| format!("{{\"since_seq\": 0, \"seq\": 1, \"deleted\": [{paths}]}}");
    let names = (b'!'..=b'~').filter(|byte| !matches!(byte, b'"' | b'\\' | b'/' | b'.')).map(char::from);
    let names: Vec<char> = names.collect();
    let short: Vec<String> = names
        .iter()
        .flat_map(|a| {
            names
                .iter()
                .flat_map(|b| names.iter().map(|c| format!("\"{a}{b}{c}\"")).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        })
        .collect();
    let limits = Limits { max_files: 500_000, ..LIMITS };
    for (json, limits, expected) in [
        (delta(format!("{}\"a\"", "\"a\",".repeat(2_000_000))), &LIMITS, Some(Code::Validation)),
        (delta(short.join(",")), &LIMITS, None),
        (delta(short.join(",")), &limits, Some(Code::Limit)),
        (delta(format!("{}1", "[".repeat(1_000_000))), &LIMITS, Some(Code::Validation)),
    ] {
        let (outcome, peak) = peak(|| Delta::parse(json.as_bytes(), limits).map(|delta| delta.deleted.len()));
        assert_eq!(outcome.err().map(|error| error.code()), expected);
        assert!(peak <= FACTOR * json.len() + BUFFERS, "{peak} bytes for {}", json.len());
    }
}

/// Of an entity, no field is kept until it is known what the log makes of it.
#[test]
fn entities_take_what_they_are_long() {
    for (fields, expected) in [(900_000, None), (1_100_000, Some(Code::Limit))] {
        let fields: Vec<String> = (0..fields).map(|n| format!("\"{n:x}\":0")).collect();
        let line =
            format!("{{\"entity_type\":\"t\",\"entity_id\":\"1\",\"fields\":{{{}}}}}", fields.join(","));
        drop(fields);
        let path = FilePath::parse(&format!("{HISTORY}entities/000001.jsonl")).expect("valid");
        let member = Member { path, mode: Mode::Regular, bytes: line.into_bytes() };
        let mut reader = Reader::default();
        let (outcome, peak) = peak(|| reader.take(&member));
        assert_eq!(outcome.err().map(|error| error.code()), expected);
        assert!(peak <= FACTOR * member.bytes.len() + BUFFERS, "{peak} for {}", member.bytes.len());
    }
}

#[test]
fn the_peak_is_measured() {
    let (length, peak) = peak(|| vec![1u8; 3 << 20].len());
    assert!((3 << 20..4 << 20).contains(&peak), "{peak} for {length}");
}

/// What a cache of documents counts is about what they take: not half of it, not four times as much.
#[test]
fn a_loaded_document_says_what_it_takes() {
    use quire_core::doc::{ActorId, Author, Change, Heads, Limits, Loaded};
    use serde_json::{Value, json};
    let limits = Limits::default();
    let actor = ActorId::from(b"somebody".as_slice());
    let author = Author { actor: &actor, time: 0, message: None };
    let typed = || {
        let mut loaded = Loaded::new();
        loaded.put(&author, &json!({"text": ""}), &limits).expect("puts");
        for at in 0..1500 {
            loaded.splice_text(&author, "/text", at, 0, ["a", "b", " "][at % 3], &limits).expect("splices");
        }
        loaded
    };
    let put = |value: Value| {
        let mut loaded = Loaded::new();
        loaded.put(&author, &value, &limits).expect("puts");
        loaded
    };
    let members: serde_json::Map<String, Value> =
        (0..4000).map(|number| (format!("key {number}"), json!(number))).collect();
    let items: Vec<Value> = (0..1500).map(|number| json!({"id": number, "name": "somebody"})).collect();
    for (what, loaded) in [
        ("typed", typed()),
        ("pasted", put(json!({"text": "a long text, and more of it. ".repeat(5000)}))),
        ("members", put(Value::Object(members))),
        ("items", put(json!({"items": items}))),
    ] {
        let changes: Vec<Change> = loaded.changes_after(&Heads::default(), &limits).expect("changes");
        let saved = loaded.save().expect("saves");
        for from_saved in [false, true] {
            let (again, taken) = kept(|| match from_saved {
                true => Loaded::read(&saved, &limits).expect("reads"),
                false => Loaded::of(&changes).expect("loads"),
            });
            let told = again.memory();
            println!("{what}: {} changes take {taken} bytes, told {told}", changes.len());
            assert!(told > taken / 2 && told < taken * 4, "{what}: {taken} bytes, told {told}");
        }
    }
}
