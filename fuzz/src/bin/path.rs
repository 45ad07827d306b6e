//! Paths, prefixes, and where a symlink may point to. Input: a path, and a target.

#![no_main]

use fuzz::{accepted, texts};
use libfuzzer_sys::fuzz_target;
use quire_core::path::{FilePath, MAX_PATH_BYTES, MAX_SEGMENT_BYTES};
use quire_core::text::shorten;

fuzz_target!(|data: &[u8]| {
    let Some([raw, target]) = texts(data) else { return };
    assert!(shorten(raw).chars().count() <= 103 && !shorten(raw).contains('\0'));
    let prefix = accepted(FilePath::parse_prefix(raw));
    let Some(path) = accepted(FilePath::parse(raw)) else { return };
    let text = path.as_str();
    assert_eq!(FilePath::parse(text).as_ref(), Ok(&path), "a path is its own normal form");
    assert_eq!(prefix, Some(Some(path.clone())), "a path is a prefix");
    assert_eq!(FilePath::parse_prefix(&format!("{raw}/")), Ok(Some(path.clone())));
    assert!(text.len() <= MAX_PATH_BYTES && !text.starts_with('/') && !text.ends_with('/'));
    assert!(!text.contains('\\') && !text.chars().any(char::is_control));
    let segments: Vec<&str> = text.split('/').collect();
    assert!(segments.iter().all(|segment| (1..=MAX_SEGMENT_BYTES).contains(&segment.len())));
    assert!(segments.iter().all(|segment| !matches!(*segment, "." | "..")));
    let above: Vec<&str> = path.ancestors().collect();
    assert_eq!(above.len(), segments.len() - 1);
    assert!(above.iter().all(|directory| path.is_below(directory)));
    let kind = path.inferred_type();
    assert!(!kind.is_empty() && kind.len() <= 32 && !kind.contains(char::is_whitespace), "type {kind:?}");
    if path.allows_symlink_to(target) {
        stays_inside(above.len(), target);
    }
});

/// Follows a target step by step, from so many directories deep.
fn stays_inside(depth: usize, target: &str) {
    assert!(!target.is_empty() && !target.starts_with('/') && !target.contains('\0'));
    let mut depth = depth;
    for segment in target.split('/') {
        depth = match segment {
            ".." => depth.checked_sub(1).expect("a link does not lead out of the project"),
            "" | "." => depth,
            _ => depth + 1,
        };
    }
}
