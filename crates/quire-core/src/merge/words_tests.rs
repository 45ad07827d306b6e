//! The merge by words, by examples, by laws, and on the history of two texts.

use super::words::{merge_words, tokens};
use super::*;
use crate::diff::SEARCH_TIME;
use crate::error::Code;
use proptest::prelude::*;
use std::collections::HashSet;

const AMPLE: Duration = Duration::from_secs(60);

fn words(base: &str, ours: &str, theirs: &str) -> LineMerge {
    super::words(base, ours, theirs, AMPLE).unwrap()
}

fn lines(base: &str, ours: &str, theirs: &str) -> LineMerge {
    super::lines(base, ours, theirs, AMPLE).unwrap()
}

fn clean(text: &str) -> LineMerge {
    LineMerge::Clean(text.into())
}

/// What words make of a text that lines did not look at.
fn of_words(base: &str, ours: &str, theirs: &str) -> Option<String> {
    merge_words([base, ours, theirs].map(String::from), Instant::now() + AMPLE).unwrap()
}

/// Both ways round.
#[track_caller]
fn merges(base: &str, one: &str, other: &str, merged: &str) {
    assert_eq!(words(base, one, other), clean(merged), "{base:?}, {one:?}, {other:?}");
    assert_eq!(words(base, other, one), clean(merged), "{base:?}, {other:?}, {one:?}");
}

/// As lines answer it, both ways round.
#[track_caller]
fn conflicts(base: &str, one: &str, other: &str) {
    for (ours, theirs) in [(one, other), (other, one)] {
        let answer = words(base, ours, theirs);
        assert!(matches!(answer, LineMerge::Conflict(_)), "{base:?}, {ours:?}, {theirs:?}: {answer:?}");
        assert_eq!(answer, lines(base, ours, theirs));
    }
}

#[test]
fn equal_edits_are_one_edit() {
    merges("hello", "Hello", "Hello!", "Hello!");
    merges("hello", "hello!", "Hello!", "Hello!");
    merges("", "one\n", "one\ntwo\n", "one\ntwo\n");
    merges("f(x)", "f(x, y)", "f(x, y, z)", "f(x, y, z)");
    merges("f()", "f(b)", "f(a, b, c)", "f(a, b, c)");
    merges("hello big world", "Hello world", "Hello big world", "Hello world");
    merges("one two three", "one three", "three", "three");
    merges("the cat sat", "the black cat sat down", "The black cat sat", "The black cat sat down");
    merges("the cat sat", "the black dog sat", "a black dog sat", "a black dog sat");
}

#[test]
fn edits_of_different_words_merge() {
    merges("the cat sat\n", "the black cat sat\n", "the cat sat down\n", "the black cat sat down\n");
    merges("The quick fox", "The quick foxes", "The quick brown fox", "The quick brown foxes");
    merges("hello world", "Hello world", "hello World!", "Hello World!");
    merges("hello", "Hello", "hello!", "Hello!");
    merges("the cat sat", "the sat", "the cat ran", "the ran");
    merges("the cat sat", "the sat", "the black cat sat", "the black sat");
    merges("a = 1;\nb = 2;\n", "a = 10;\nb = 2;\n", "a = 1;\nb = 20;\n", "a = 10;\nb = 20;\n");
    merges("if a {\nb\n}\n", "if a {\n    b\n}\n", "if a {\nB\n}\n", "if a {\n    B\n}\n");
    merges("one two\nthree\n", "one two\r\nthree\r\n", "one 2\nthree\n", "one 2\r\nthree\r\n");
}

#[test]
fn what_is_not_sure_is_a_conflict() {
    // Both changed a word, differently.
    conflicts("cat", "cut", "cot");
    conflicts("cat", "cats", "cart");
    conflicts("color", "Color", "colour");
    conflicts("n = 1", "n = 10", "n = 100");
    conflicts("the cat sat", "the sat", "the dog sat");
    // Both added something at one place.
    conflicts("hello", "Hello!", "Hello?");
    conflicts("", "a", "b");
    conflicts("the cat sat", "the black cat sat", "the fat cat sat");
    conflicts("a\n", "a\nb\n", "a\nc\n");
    // One added within what the other deleted.
    conflicts("one two three four", "one four", "one two and three four");
    // Each deleted a part of what the other deleted.
    conflicts("one two three four", "one four", "one two");
    // It may be one x, or two.
    conflicts("a b c", "x b c", "a x b c");
    conflicts("a b", "a, b", "a ,b");
    conflicts("since then, and now", "since then and if none, and now", "since then if none, and now");
    // A word that nobody wrote, and a line.
    conflicts("foo -bar", "foo bar", "foo-bar");
    conflicts("a\nb\nc\n", "a b\nc\n", "a\nc\n");
}

#[test]
fn no_grapheme_cluster_is_split_or_joined() {
    merges("😀x😀\n", "😀x🦀😀\n", "é😀x😀\n", "é😀x🦀😀\n");
    merges("e x\n", "e\u{301} x\n", "e y\n", "e\u{301} y\n");
    merges("👩 x", "👩\u{200d}🚀 x", "👩 y", "👩\u{200d}🚀 y");
    merges("我爱北京", "我很爱北京", "我爱南京", "我很爱南京");
    conflicts("👩 x", "👩\u{200d}🚀 x", "👩\u{1f3fd} x");
    conflicts("e x", "e\u{301} x", "e\u{300} x");
    // U+0E33 is no word of its own, though Unicode has a border of words before it.
    merges("น x", "น\u{e33} x", "น y", "น\u{e33} y");
    assert_eq!(tokens("น\u{e33} 🇩🇪🇫🇷\r\n").unwrap(), ["น\u{e33}", " ", "🇩🇪", "🇫🇷", "\r\n"]);
}

#[test]
fn a_conflict_in_one_place_is_the_answer_of_lines_for_all() {
    let (base, ours, theirs) = ("a b\n-\nc\n", "A b\n-\nx\n", "a B\n-\ny\n");
    conflicts(base, ours, theirs);
    let LineMerge::Conflict(hunks) = words(base, ours, theirs) else { panic!("merged") };
    assert_eq!(hunks.len(), 2);
    merges("a b\n-\nc d\n", "A b\n-\nC d\n", "a B\n-\nc D\n", "A B\n-\nC D\n");
}

#[test]
fn a_conflict_over_the_limit_is_refused_before_work() {
    let large = "x ".repeat(MAX_WORDS_BYTES / 2 + 1);
    let error = super::words("", &large, "y", AMPLE).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
    assert_eq!(words("", &large, ""), clean(&large), "no conflict, no limit");
}

/// Words in no order: the search for the shortest way between two such texts does not come to an end.
fn noise(seed: u64) -> String {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ["a ", "b ", "c ", "d. "][(state >> 33) as usize % 4]
    };
    std::iter::repeat_with(next).take(100_000).collect()
}

#[test]
fn a_merge_that_takes_too_long_is_a_conflict() {
    let [base, ours, theirs] = [1, 2, 3].map(noise);
    for within in [Duration::ZERO, SEARCH_TIME / 10] {
        let start = Instant::now();
        let merged = super::words(&base, &ours, &theirs, within).unwrap();
        assert!(start.elapsed() < 2 * SEARCH_TIME, "{:?}", start.elapsed());
        let LineMerge::Conflict(hunks) = merged else { panic!("merged") };
        let [base_lines, ours, theirs] = [&base, &ours, &theirs].map(String::clone);
        assert_eq!(hunks.len(), 1);
        assert_eq!(hunks[0].lines, MergeLines::Shown { base_lines, ours, theirs });
    }
}

/// A part is looked for in a time that does not grow with the square of what both sides wrote.
#[test]
fn long_additions_at_one_place_are_compared_in_time() {
    let ours = format!("{}b ", "a ".repeat(30_000));
    let theirs = "a ".repeat(60_000);
    let start = Instant::now();
    assert!(matches!(super::words("", &ours, &theirs, SEARCH_TIME / 10).unwrap(), LineMerge::Conflict(_)));
    assert!(start.elapsed() < 2 * SEARCH_TIME, "{:?}", start.elapsed());
}

fn text() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a", "b", "the", "x1", " ", " ", " ", ",", ".", "-", "\n", "\n", "\r\n", "é", "e\u{301}", "\u{300}",
        "👩", "\u{200d}", "🚀", "🇩", "🇪", "我", "น", "\u{e33}",
    ]);
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

/// What happens to a word of a line, and who does it.
#[derive(Debug, Clone, Copy)]
struct Fate {
    edit: u8,
    is_ours: bool,
    is_theirs: bool,
}

fn fate() -> impl Strategy<Value = Fate> {
    (0..3u8, any::<bool>(), any::<bool>()).prop_map(|(edit, is_ours, is_theirs)| Fate {
        edit,
        is_ours,
        is_theirs,
    })
}

/// A line of words, of which every other one is kept, and the rest is replaced, deleted or gets another one beside it.
fn line(fates: &[Fate], happens: impl Fn(&Fate) -> bool) -> String {
    let mut out = Vec::new();
    for (number, fate) in fates.iter().enumerate() {
        let word = format!("a{number}");
        match (happens(fate), fate.edit) {
            (false, _) => out.push(word),
            (true, 0) => out.push(format!("b{number}")),
            (true, 1) => {}
            (true, _) => out.extend([word, format!("c{number}")]),
        }
        out.push(format!("k{number}"));
    }
    out.join(" ") + "\n"
}

proptest! {
    #[test]
    fn edits_of_words_count_once_each(fates in prop::collection::vec(fate(), 1..12)) {
        let base = line(&fates, |_| false);
        let (ours, theirs) = (line(&fates, |fate| fate.is_ours), line(&fates, |fate| fate.is_theirs));
        let both = line(&fates, |fate| fate.is_ours || fate.is_theirs);
        prop_assert_eq!(words(&base, &ours, &theirs), clean(&both));
    }

    #[test]
    fn words_follow_the_laws_of_a_merge(base in text(), x in text(), y in text()) {
        prop_assert_eq!(of_words(&base, &x, &base), Some(x.clone()));
        prop_assert_eq!(of_words(&base, &base, &y), Some(y.clone()));
        prop_assert_eq!(of_words(&base, &x, &x), Some(x.clone()));
        prop_assert_eq!(of_words(&base, &x, &y), of_words(&base, &y, &x));
        prop_assert_eq!(obeys(&base, &x, &y).err(), None);
    }
}

/// What holds for any three texts: words resolve more than lines, or answer the same; which side is which makes no difference; every
/// word and every grapheme cluster of the result is one of the three texts.
fn obeys(base: &str, ours: &str, theirs: &str) -> std::result::Result<bool, String> {
    let (by_lines, by_words) = (lines(base, ours, theirs), words(base, ours, theirs));
    let LineMerge::Clean(text) = &by_words else {
        let swapped = matches!(words(base, theirs, ours), LineMerge::Conflict(_));
        return if by_words == by_lines && swapped { Ok(false) } else { Err(format!("{by_words:?}")) };
    };
    if words(base, theirs, ours) != by_words {
        return Err(format!("{:?} the other way round", words(base, theirs, ours)));
    }
    if matches!(by_lines, LineMerge::Clean(_)) {
        return if by_lines == by_words { Ok(false) } else { Err(format!("{by_words:?}")) };
    }
    let known: HashSet<&str> = [base, ours, theirs].iter().flat_map(|text| tokens(text).unwrap()).collect();
    match tokens(text).unwrap().iter().find(|token| !known.contains(*token)) {
        Some(token) => Err(format!("nobody wrote {token:?}")),
        None => Ok(true),
    }
}

/// Each history has a text after the other as this project's documentation had them: a section of prose, and one with a table.
const HISTORY: &str = include_str!("history.txt");

#[test]
fn words_resolve_more_than_lines_of_real_histories_and_nothing_else() {
    let (mut cases, mut resolved, mut in_conflict) = (0, 0, 0);
    for history in HISTORY.split("====\n") {
        let versions: Vec<&str> = history.split_terminator("%%\n").collect();
        for (at, base) in versions.iter().enumerate() {
            // Who edits an old version meets what was written since, and who undoes something what was there before.
            let near = &versions[at.saturating_sub(3)..versions.len().min(at + 4)];
            for ours in near {
                for theirs in near {
                    let more = obeys(base, ours, theirs).unwrap_or_else(|why| {
                        panic!("{why}\n--- base\n{base}\n--- ours\n{ours}\n--- theirs\n{theirs}")
                    });
                    cases += 1;
                    resolved += usize::from(more);
                    in_conflict += usize::from(matches!(words(base, ours, theirs), LineMerge::Conflict(_)));
                }
            }
        }
    }
    println!("{cases} merges: {resolved} by words only, {in_conflict} in conflict");
    assert!(cases > 500 && resolved > 0 && in_conflict > 0);
}

/// Theirs has all that ours has, and one word more or less: that is the result, or a conflict. It may also be what ours has, where what
/// theirs has added is a part of it.
#[test]
fn what_both_did_alike_is_not_doubled_on_real_histories() {
    let (mut cases, mut merged) = (0, 0);
    let mut merge = |base: &str, ours: &str, theirs: &str, results: &[&str]| {
        cases += 1;
        if let LineMerge::Clean(text) = words(base, ours, theirs) {
            merged += 1;
            assert!(
                results.contains(&&*text),
                "{text}\n--- base\n{base}\n--- ours\n{ours}\n--- theirs\n{theirs}"
            );
        }
    };
    for history in HISTORY.split("====\n") {
        let versions: Vec<&str> = history.split_terminator("%%\n").collect();
        for pair in versions.windows(2) {
            let (base, ours) = (pair[0], pair[1]);
            for (at, _) in ours.match_indices(' ').step_by(5) {
                let rest = &ours[at + 1..];
                let end = rest.find([' ', '\n']).map_or(rest.len(), |end| end + 1);
                let more = format!("{} whatsoever{}", &ours[..at], &ours[at..]);
                let less = ours[..=at].to_owned() + &rest[end..];
                merge(base, ours, &more, &[&more]);
                merge(base, ours, &less, &[&less, ours]);
            }
        }
    }
    println!("{cases} merges, {merged} of them clean");
    assert!(cases > 500 && merged > cases / 2);
}
