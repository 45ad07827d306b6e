//! The seeds of the fuzzers, each read as its fuzzer reads it: what was found once is looked at in every run of the tests.
//!
//! `QUIRE_WRITE_SEEDS=1 cargo test -p quire-core --lib doc::seed_tests` writes those that are made here.

use super::change::Chunk;
use super::tests_lib::{Dice, edited, limits};
use super::*;
use automerge::AutoCommit;
use automerge::sync::{Message, State, SyncDoc};
use std::path::PathBuf;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name)
}

/// The seeds of a fuzzer, after those that are made here were written if they are to be.
fn seeds(name: &str, made: impl FnOnce() -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let folder = folder(name);
    if std::env::var("QUIRE_WRITE_SEEDS").is_ok_and(|value| value == "1") {
        std::fs::create_dir_all(&folder).expect("a folder");
        for (number, seed) in made().iter().enumerate() {
            std::fs::write(folder.join(format!("{number:02}")), seed).expect("writes");
        }
    }
    let files = std::fs::read_dir(&folder).expect("a folder");
    let seeds: Vec<Vec<u8>> =
        files.map(|file| std::fs::read(file.expect("a file").path()).expect("reads")).collect();
    assert!(!seeds.is_empty(), "{name} has seeds");
    seeds
}

fn documents() -> Vec<AutoCommit> {
    (1..5).map(|seed| edited(&mut Dice::of(seed), 4 * seed as usize)).collect()
}

fn content(bytes: &[u8]) -> Vec<u8> {
    Chunk::split("seed", bytes).expect("a chunk").0.content.to_vec()
}

fn refused(error: &Error) {
    assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}");
}

#[test]
fn seeds_of_changes() {
    let seeds = seeds("doc_change", || {
        let changes = documents().into_iter().flat_map(|mut document| {
            let mut changes = document.get_changes(&[]);
            [changes.remove(0), changes.remove(changes.len() / 2)]
        });
        let mut seeds: Vec<Vec<u8>> = changes.map(|change| content(change.raw_bytes())).collect();
        seeds.push([&[0xff], root::FIRST_CHANGE.as_slice()].concat());
        seeds
    });
    for seed in seeds {
        let bytes = match seed.as_slice() {
            [0xff, whole @ ..] => whole.to_vec(),
            content => change::tests::chunk(content),
        };
        if let Err(error) = Change::read(&bytes, &limits()) {
            refused(&error);
        }
    }
}

#[test]
fn seeds_of_documents() {
    let seeds = seeds("doc_load", || {
        let mut seeds = Vec::new();
        for mut document in documents() {
            let hashes: Vec<_> = document.get_changes(&[]).iter().map(automerge::Change::hash).collect();
            let bundle = document.bundle(hashes).expect("bundles").bytes().to_vec();
            seeds.push([vec![0], content(&document.save_nocompress())].concat());
            seeds.push([vec![3], content(&bundle)].concat());
            seeds.push([vec![0xff], document.save()].concat());
        }
        seeds
    });
    for seed in seeds {
        let Some((0xff, bytes)) = seed.split_first() else { continue };
        match Loaded::read(bytes, &limits()) {
            Ok(loaded) => assert!(loaded.to_json(None, &limits()).is_ok()),
            Err(error) => refused(&error),
        }
    }
}

#[test]
fn seeds_of_sync() {
    let seeds = seeds("doc_sync", || {
        let mut seeds = Vec::new();
        for mut document in documents() {
            let mut server = Loaded::new();
            let (mut state, mut kept) = (Vec::new(), State::new());
            while let Some(message) = { document.sync().generate_sync_message(&mut kept) } {
                let message = message.encode();
                seeds.push([&(state.len() as u16).to_le_bytes(), state.as_slice(), &message].concat());
                let step = sync::step(&mut server, Some(&message), &state, &limits()).expect("a step");
                state = step.state;
                let answer = Message::decode(&step.message.expect("an answer")).expect("a message");
                document.sync().receive_sync_message(&mut kept, answer).expect("receives");
            }
        }
        seeds
    });
    for seed in seeds {
        let Some(([low, high], rest)) = seed.split_first_chunk() else { continue };
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some((state, message)) = rest.split_at_checked(length) else { continue };
        let mut loaded = Loaded::new();
        match sync::step(&mut loaded, Some(message), state, &limits()) {
            Ok(step) => assert_eq!(step.heads, Heads::default().advance_all(&step.new)),
            Err(error) => refused(&error),
        }
    }
}
