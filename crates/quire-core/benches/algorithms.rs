//! Micro-benchmarks of `quire_core`: what a write, a diff and a merge cost before the server does anything.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quire_core::{diff, hash::Hash, merge};
use std::hint::black_box;

/// A text of so many lines, of which every `step`-th from `first` says `word`.
fn text(lines: usize, first: usize, step: usize, word: &str) -> String {
    let line = |number: usize| {
        if number % step == first { word.to_owned() } else { format!("as it was in line {number}") }
    };
    (0..lines).map(|number| line(number) + "\n").collect()
}

fn hash(c: &mut Criterion) {
    let mut group = c.benchmark_group("hash");
    for size in [4 << 10, 1 << 20] {
        let bytes = vec![7u8; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &bytes, |b, bytes| {
            b.iter(|| Hash::of(black_box(bytes)));
        });
    }
}

fn compare(c: &mut Criterion) {
    let mut group = c.benchmark_group("diff and merge");
    for lines in [100, 10_000] {
        let base = text(lines, usize::MAX, 50, "");
        let (ours, theirs) = (text(lines, 10, 50, "ours"), text(lines, 30, 50, "theirs"));
        group.throughput(Throughput::Bytes(base.len() as u64));
        group.bench_function(BenchmarkId::new("unified", lines), |b| {
            b.iter(|| {
                diff::unified(
                    Some(&base),
                    Some(&ours),
                    "f",
                    "f",
                    (None, None),
                    black_box(3),
                    diff::SEARCH_TIME,
                )
            });
        });
        group.bench_function(BenchmarkId::new("lines", lines), |b| {
            b.iter(|| merge::lines(&base, &ours, black_box(&theirs), diff::SEARCH_TIME));
        });
        let conflicting = text(lines, 10, 50, "theirs");
        group.bench_function(BenchmarkId::new("words", lines), |b| {
            b.iter(|| merge::words(&base, &ours, black_box(&conflicting), diff::SEARCH_TIME));
        });
    }
}

criterion_group!(benches, hash, compare);
criterion_main!(benches);
