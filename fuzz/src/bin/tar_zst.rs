//! Tar archives in frames of zstd, of anybody.

#![no_main]

use fuzz::check_archive;
use libfuzzer_sys::fuzz_target;
use quire_core::archive::Format;

fuzz_target!(|data: &[u8]| check_archive(Format::TarZst, data, None));
