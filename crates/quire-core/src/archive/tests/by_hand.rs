//! Measurements, and sizes that take too long for every run:
//! `cargo test --release --lib --no-default-features archive::tests::by_hand -- --ignored --nocapture`.

use super::*;
use crate::hash::Hasher;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn collect(directory: &Path, members: &mut Vec<Member>, root: &Path) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with(".git") {
            collect(&path, members, root);
        } else if let (Ok(bytes), Ok(name)) = (fs::read(&path), path.strip_prefix(root)) {
            members.push(member(name.to_str().expect("UTF-8"), Mode::Regular, bytes));
        }
    }
}

impl<W: Write> Sink for std::io::BufWriter<W> {}

/// Packs the files below `QUIRE_ARCHIVE_TREE`.
#[test]
#[ignore = "needs a directory of real files"]
fn speed() {
    let root = PathBuf::from(std::env::var_os("QUIRE_ARCHIVE_TREE").expect("QUIRE_ARCHIVE_TREE is set"));
    let mut members = Vec::new();
    collect(&root, &mut members, &root);
    members.sort_by(|a, b| a.path.cmp(&b.path));
    let stored: Vec<_> = members
        .iter()
        .map(|member| (Hash::of(&member.bytes), content::encode_all(&member.bytes, 3)))
        .collect();
    let bytes: usize = members.iter().map(|member| member.bytes.len()).sum();
    println!("{} files, {bytes} bytes", members.len());
    for format in Format::ALL {
        for _ in 0..3 {
            let start = Instant::now();
            let mut writer = Writer::new(format, Vec::new()).expect("starts");
            for (member, (hash, parts)) in members.iter().zip(&stored) {
                put_hashed(&mut writer, member, *hash, parts, AT);
            }
            let archive = writer.finish().expect("finishes");
            let written = start.elapsed();
            let start = Instant::now();
            let limits = Limits { max_files: 1_000_000, ..GENEROUS };
            assert_eq!(unpack_within(format, &archive, &limits).expect("reads").len(), members.len());
            println!(
                "{}: {} bytes, written in {written:?}, read in {:?}",
                format.as_str(),
                archive.len(),
                start.elapsed()
            );
        }
    }
}

/// Writes files and archives beyond 4 GiB into `QUIRE_ARCHIVE_LARGE`, a directory, in little memory.
#[test]
#[ignore = "writes 9 GB"]
fn large() {
    let directory =
        PathBuf::from(std::env::var_os("QUIRE_ARCHIVE_LARGE").expect("QUIRE_ARCHIVE_LARGE is set"));
    let zeros = vec![0; 1 << 20];
    let mut noise = zeros.clone();
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    for format in Format::ALL {
        let file = fs::File::create(directory.join(format!("large.{}", format.as_str()))).expect("creates");
        let mut writer = Writer::new(format, std::io::BufWriter::new(file)).expect("starts");
        for (path, chunk, parts) in [("a", &noise, 4200u64), ("b", &zeros, 9000), ("c", &noise, 1)] {
            let part = content::encode(chunk, 3);
            let mut hasher = Hasher::default();
            (0..parts).for_each(|_| hasher.update(chunk));
            let hash = hasher.finish();
            let entry = Entry { path, mode: Mode::Regular, size: parts << 20, hash, modified_at: AT };
            writer.begin(&entry).expect("begins");
            for _ in 0..parts {
                writer.part(part.codec, part.size, &part.bytes).expect("fits");
            }
            writer.end().expect("ends");
        }
        writer.finish().expect("finishes").flush().expect("flushes");
    }
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).expect("a peak"));
}
