//! Tar archives before they are compressed: changes of headers get past the checksums of frames, and of headers.

#![no_main]

use fuzz::check_archive;
use libfuzzer_sys::fuzz_target;
use quire_core::archive::Format;

/// Length of a header.
const BLOCK: usize = 512;
/// Where a header has its checksum, and where it says which kind of tar it is.
const CHECKSUM: std::ops::Range<usize> = 148..156;
const MAGIC: std::ops::Range<usize> = 257..262;

/// Gives everything that looks like a header the checksum it should have: the sum of its bytes, with blanks for the checksum.
fn repair(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(BLOCK).filter(|block| &block[MAGIC] == b"ustar") {
        block[CHECKSUM].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

fuzz_target!(|data: &[u8]| {
    let mut tar = data.to_vec();
    repair(&mut tar);
    // Sparse files and long names may take more than the archive has bytes.
    let archive = zstd::bulk::compress(&tar, 1).expect("compresses");
    check_archive(Format::TarZst, &archive, Some(tar.len() + BLOCK));
});
