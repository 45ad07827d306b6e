//! Exports of anybody. Input: modes and paths (`100644 a/b`) and contents in turn. When `repair` is in front of them, what a forger
//! could compute is computed for them: hashes of contents and checksums of operations and bundles, so that changes of what they cover
//! get further.

#![no_main]

use fuzz::{BUFFERS, FACTOR, accepted, json, peak, pieces};
use libfuzzer_sys::fuzz_target;
use quire_core::archive::Member;
use quire_core::chain::{BundleHeader, checksum};
use quire_core::error::Result;
use quire_core::export::{BLOBS, Export, PROJECT, Reader};
use quire_core::hash::Hash;
use quire_core::id::Seq;
use quire_core::json::canonical;
use quire_core::mode::Mode;
use quire_core::path::FilePath;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let pieces: Vec<&[u8]> = pieces(data).collect();
    let (is_repaired, pieces) = match pieces.split_first() {
        Some((&b"repair", rest)) => (true, rest),
        _ => (false, &pieces[..]),
    };
    let mut members: Vec<Member> =
        pieces.chunks_exact(2).filter_map(|pair| member(pair[0], pair[1])).collect();
    if is_repaired {
        repair(&mut members);
    }
    let bytes: usize = members.iter().map(|member| member.bytes.len() + member.path.as_str().len()).sum();
    let (outcome, peak) = peak(|| read(&members));
    assert!(peak <= FACTOR * bytes + BUFFERS, "{peak} bytes of memory for {bytes}");
    if let Some(export) = accepted(outcome) {
        check(&export);
    }
});

fn member(name: &[u8], bytes: &[u8]) -> Option<Member> {
    let (mode, path) = str::from_utf8(name).ok()?.split_once(' ')?;
    let (mode, path) = (Mode::parse(mode).ok()?, FilePath::parse(path).ok()?);
    Some(Member { path, mode, bytes: bytes.to_vec() })
}

fn read(members: &[Member]) -> Result<Export> {
    let mut reader = Reader::default();
    members.iter().try_for_each(|member| reader.take(member))?;
    reader.finish()
}

/// What holds for whatever is taken for an export.
fn check(export: &Export) {
    let mut before = Hash::ZERO;
    for (seq, bundle) in Seq::all().zip(&export.bundles) {
        let record = &bundle.record;
        assert_eq!(record.header.seq, seq, "no gaps");
        assert_eq!(record.header.project_id, export.project.project_id);
        assert_eq!(record.prev_checksum, before, "one chain");
        assert_eq!(record.op_count, bundle.ops.len());
        before = record.checksum;
    }
    assert_eq!(export.project.checksum, before, "it ends where the project stands");
    assert_eq!(export.project.seq, Seq::of_count(export.bundles.len()));
    assert!(export.used().all(|hash| export.describe(&hash).is_some()), "content of which nothing is known");
    assert!(export.links().all(|hash| export.contents.contains_key(&hash)), "a link whose target is gone");
    assert!(export.tags.iter().all(|tag| (Seq::ZERO..=export.project.seq).contains(&tag.seq)));
}

/// The lines of a kind of history, as JSON.
fn lines<'m>(members: &'m mut [Member], what: &str) -> impl Iterator<Item = (&'m mut Member, Vec<Value>)> {
    let directory = format!("history/{what}/");
    members.iter_mut().filter(move |member| member.path.as_str().starts_with(&directory)).filter_map(
        |member| {
            let lines = member.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let values: Option<Vec<Value>> = lines.map(json).collect();
            Some((member, values?))
        },
    )
}

fn write(member: &mut Member, lines: &[Value]) {
    let lines = lines.iter().filter_map(|line| canonical(line).ok());
    member.bytes = lines.flat_map(|line| [line, b"\n".to_vec()]).flatten().collect();
}

fn repair(members: &mut [Member]) {
    for member in members.iter_mut().filter(|member| member.path.as_str().starts_with(BLOBS)) {
        let path = format!("{BLOBS}{}", Hash::of(&member.bytes).to_hex());
        member.path = FilePath::parse(&path).expect("digits");
    }
    let mut checksums: Vec<(Seq, Hash)> = Vec::new();
    for (member, mut ops) in lines(members, "operations") {
        for line in &mut ops {
            let Some(form) = line.get("op").and_then(|op| canonical(op).ok()) else { continue };
            line["checksum"] = json!(Hash::of(&form));
            checksums.push((line["seq"].as_i64().map(Seq).unwrap_or_default(), Hash::of(&form)));
        }
        write(member, &ops);
    }
    let (mut before, mut count) = (Hash::ZERO, 0);
    for (member, mut bundles) in lines(members, "bundles") {
        for line in &mut bundles {
            let Some(header) = line.get("header").cloned() else { continue };
            let Ok(header) = serde_json::from_value::<BundleHeader>(header) else { continue };
            let ops: Vec<Hash> = checksums
                .iter()
                .filter(|(seq, _)| *seq == header.seq)
                .map(|(_, checksum)| *checksum)
                .collect();
            let Ok(after) = checksum(&before, &header, &ops) else { continue };
            line["prev_checksum"] = json!(before);
            line["checksum"] = json!(after);
            line["op_count"] = json!(ops.len());
            (before, count) = (after, count + 1);
        }
        write(member, &bundles);
    }
    for member in members.iter_mut().filter(|member| member.path.as_str() == PROJECT) {
        let Some(mut record) = json(&member.bytes).filter(Value::is_object) else { continue };
        record["seq"] = json!(count);
        record["checksum"] = json!(before);
        write(member, &[record]);
    }
}
