//! Filters of subscriptions and globs. Input: a filter, and a path.

#![no_main]

use fuzz::{accepted, json, pieces};
use libfuzzer_sys::fuzz_target;
use quire_core::filter::{Filter, globs, known_events};
use quire_core::path::FilePath;

fuzz_target!(|data: &[u8]| {
    let mut pieces = pieces(data);
    let (Some(filter), Some(path)) = (pieces.next().and_then(json), pieces.next()) else { return };
    // No `jsonb` has a NUL.
    if filter.to_string().contains("\\u0000") {
        return;
    }
    let Some(parsed) = accepted(Filter::parse(&filter)) else { return };
    assert_eq!(parsed.wants_pathless(), filter.get("paths").is_none());
    for event in known_events() {
        let is_named = filter.get("events").and_then(|list| list.as_array());
        assert_eq!(parsed.wants_event(event), is_named.is_none_or(|list| list.iter().any(|it| it == event)));
    }
    let Some(path) = str::from_utf8(path).ok().and_then(|path| FilePath::parse(path).ok()) else { return };
    let Some(patterns) = filter.get("paths").and_then(|list| list.as_array()) else { return };
    let matches = |pattern: &str| {
        globs(&[pattern.to_owned()]).expect("it was compiled with the others").is_match(path.as_str())
    };
    let any = patterns.iter().filter_map(|pattern| pattern.as_str()).map(|pattern| {
        assert!((1..=1024).contains(&pattern.len()), "a glob of {} bytes", pattern.len());
        let is_match = matches(pattern);
        check_glob(pattern, path.as_str(), is_match);
        is_match
    });
    // Many globs are matched in steps; each counts by itself.
    let any = any.fold(false, |any, is_match| any | is_match);
    assert_eq!(parsed.wants_path(path.as_str()), any);
});

/// What can be said of a match without a matcher.
fn check_glob(pattern: &str, path: &str, is_match: bool) {
    let is_literal = !pattern.contains(['*', '?', '[', ']', '{', '}']);
    assert!(!is_literal || is_match == (pattern == path), "{pattern:?} is no text of itself: {path:?}");
    assert!(pattern != "**" || is_match, "** matches everything");
    // Neither of these crosses segments.
    let crosses = pattern.contains("**") || pattern.contains(['[', '{', '/']);
    assert!(crosses || !is_match || !path.contains('/'), "{pattern:?} crosses segments of {path:?}");
}
