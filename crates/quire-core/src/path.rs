//! Paths inside a project.
//!
//! Relative, `/`-separated, UTF-8 in normal form C, no empty, `.` or `..` segment, no leading `/`, no backslash,
//! no control character; 255 bytes a segment, 1,024 in all.

use crate::error::{Error, Result};
use crate::text::shorten;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;
/// Longest segment of a path, in bytes.
pub const MAX_SEGMENT_BYTES: usize = 255;

const TOO_LONG: &str = "it is longer than 1024 bytes";

/// A path that keeps every rule; normalised once, here. A copy shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FilePath(Arc<str>);

/// What a project cannot have a file at, so that an archive of changes is not mistaken for a whole one.
const RESERVED: &str = crate::archive::DELTA_PATH;

impl FilePath {
    /// Checks and normalises; 22023 with the path and the broken rule otherwise.
    pub fn parse(raw: &str) -> Result<Self> {
        if raw.len() > 4 * MAX_PATH_BYTES {
            // Normalising cannot make it short enough, and would take its time.
            return Err(Self::invalid(raw, TOO_LONG));
        }
        let path: Cow<str> = if is_nfc(raw) { raw.into() } else { raw.nfc().collect() };
        match broken_rule(&path) {
            None => Ok(Self(path.into())),
            Some(rule) => Err(Self::invalid(raw, rule)),
        }
    }

    fn invalid(raw: &str, rule: &str) -> Error {
        Error::validation(format!("invalid file path: {rule}"))
            .with("file_path", shorten(raw))
            .with("rule", rule)
    }

    /// As a prefix argument: like a path, but one trailing `/` is allowed and empty means "everything".
    pub fn parse_prefix(raw: &str) -> Result<Option<Self>> {
        let raw = raw.strip_suffix('/').unwrap_or(raw);
        if raw.is_empty() { Ok(None) } else { Self::parse(raw).map(Some) }
    }

    /// A path that was checked when it was stored.
    pub fn from_stored(path: String) -> Self {
        Self(path.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Every directory above the path, outermost first: `a/b/c` gives `a`, `a/b`.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }

    /// Whether `self` lies below the directory `other`.
    pub fn is_below(&self, other: &str) -> bool {
        self.0.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The file type a caller gets who names none: the lower-case extension, for a name without one the name itself
    /// (`Makefile` gives `makefile`, `.gitignore` gives `gitignore`), and `text` where that would be unwieldy.
    pub fn inferred_type(&self) -> String {
        let name = self.0.rsplit('/').next().unwrap_or(&self.0);
        let ending = name.rsplit('.').find(|part| !part.is_empty()).unwrap_or(name).to_lowercase();
        if ending.len() > 32 || ending.chars().any(char::is_whitespace) { "text".to_owned() } else { ending }
    }

    /// Whether a symlink stored here may point to `target`: relative, and never above the project's root.
    pub fn allows_symlink_to(&self, target: &str) -> bool {
        if target.is_empty() || target.starts_with('/') || target.contains(['\\', '\0']) {
            return false;
        }
        // `..` only leads: behind another segment, which may itself be a symlink, it would go who knows where.
        let ups = target.split('/').take_while(|segment| *segment == "..").count();
        ups <= self.ancestors().count() && target.split('/').skip(ups).all(|segment| segment != "..")
    }
}

impl std::borrow::Borrow<str> for FilePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first rule that `path` breaks.
fn broken_rule(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.len() > MAX_PATH_BYTES {
        return Some(TOO_LONG);
    }
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    if path.contains('\\') {
        return Some("it contains a backslash");
    }
    if path.chars().any(char::is_control) {
        return Some("it contains a control character");
    }
    if path == RESERVED {
        return Some("it is reserved: it marks archives of changes");
    }
    path.split('/').find_map(|segment| match segment {
        "" => Some("it has an empty segment"),
        "." | ".." => Some("it has a . or .. segment"),
        _ if segment.len() > MAX_SEGMENT_BYTES => Some("a segment is longer than 255 bytes"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_every_broken_rule() {
        let long = "a".repeat(256);
        let deep = "a/".repeat(600) + "a";
        for bad in [
            "", "/a", "a//b", "a/", ".", "..", "a/./b", "a/../b", "a\\b", "a\nb", "a\u{7f}", "a\u{85}",
            &long, &deep,
        ] {
            assert!(FilePath::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn accepts_what_people_name_files() {
        for good in [
            "a",
            "src/main.rs",
            "..a",
            "a..",
            ".git-ignore",
            "日本語/ファイル",
            "a b/c%d_e",
            "'; DROP TABLE x; --",
        ] {
            assert_eq!(FilePath::parse(good).expect("valid").as_str(), good);
        }
    }

    #[test]
    fn normalises_to_form_c() {
        assert_eq!(FilePath::parse("e\u{301}").expect("valid"), FilePath::parse("\u{e9}").expect("valid"));
    }

    #[test]
    fn ancestors_are_the_directories_above() {
        let path = FilePath::parse("a/b/c").expect("valid");
        assert_eq!(path.ancestors().collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(
            path.is_below("a") && path.is_below("a/b") && !path.is_below("a/b/c") && !path.is_below("a/")
        );
        assert!(!FilePath::parse("srcx/a").expect("valid").is_below("src"));
    }

    #[test]
    fn infers_a_type() {
        for (path, expected) in [
            ("a/b.RS", "rs"),
            ("Makefile", "makefile"),
            (".gitignore", "gitignore"),
            ("a.tar.gz", "gz"),
            ("a. b c", "text"),
            ("trailing.", "trailing"),
        ] {
            assert_eq!(FilePath::parse(path).expect("valid").inferred_type(), expected, "{path}");
        }
    }

    #[test]
    fn symlinks_stay_inside() {
        let path = FilePath::parse("a/b/link").expect("valid");
        for (target, allowed) in [
            ("c", true),
            ("../c", true),
            ("../../c", true),
            ("../../../c", false),
            ("/etc/passwd", false),
            ("x/../../../../c", false),
            ("x/../c", false),
            ("./..", false),
            ("", false),
            ("..\\x", false),
        ] {
            assert_eq!(path.allows_symlink_to(target), allowed, "{target}");
        }
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent_and_never_panics(raw in ".{0,80}") {
            if let Ok(path) = FilePath::parse(&raw) {
                prop_assert_eq!(FilePath::parse(path.as_str()).expect("parsed once"), path);
            }
        }
    }
}
