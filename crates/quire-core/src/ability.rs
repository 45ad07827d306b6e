//! Abilities: what a capability token lets its holder do, as short texts.
//!
//! | text | lets its holder |
//! |---|---|
//! | `project:read` | read the project, its files and its documents |
//! | `snapshot:read` | read every snapshot |
//! | `snapshot:read:<snapshot uuid>` | read this snapshot |
//! | `events:read` | read events |
//! | `file:write` | write every file |
//! | `file:write:<glob>` | write the files whose path matches, as in [`crate::filter`] |
//! | `doc:read` | read documents, branches and schemas; `project:read` includes it |
//! | `doc:write` | write every document, and make, merge, close and delete branches |
//! | `doc:write:<glob>` | write the documents whose name matches, on every branch that is there |
//!
//! Otherwise none implies another kind: who may write a file may not read it for that reason.

use crate::error::{Error, Result};
use crate::filter::{Globs, globs};
use crate::id::SnapshotId;
use crate::key::DocKey;
use crate::path::FilePath;
use crate::submission::Submission;
use crate::text::shorten;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;

/// Most abilities in one set.
pub const MAX_ABILITIES: usize = 64;
/// Longest ability, in bytes.
pub const MAX_ABILITY_BYTES: usize = 1200;

/// Every form of an ability.
const KNOWN: [&str; 9] = [
    "project:read",
    "snapshot:read",
    "snapshot:read:<snapshot uuid>",
    "events:read",
    "file:write",
    "file:write:<glob>",
    "doc:read",
    "doc:write",
    "doc:write:<glob>",
];

/// One thing a holder may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Read the project and its files.
    ProjectRead,
    /// Read this snapshot; without an id, every snapshot.
    SnapshotRead(Option<SnapshotId>),
    /// Read events.
    EventsRead,
    /// Write the files that match; without a glob, every file.
    FileWrite(Option<PathGlob>),
    /// Read documents and branches.
    DocRead,
    /// Write the documents whose name matches; without a glob, every document and every branch.
    DocWrite(Option<PathGlob>),
}

impl Ability {
    /// From the text form; 22023 names the known ones.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_ABILITY_BYTES {
            return Err(Error::validation(format!("an ability has at most {MAX_ABILITY_BYTES} bytes"))
                .with("ability", shorten(text)));
        }
        match text {
            "project:read" => return Ok(Ability::ProjectRead),
            "snapshot:read" => return Ok(Ability::SnapshotRead(None)),
            "events:read" => return Ok(Ability::EventsRead),
            "file:write" => return Ok(Ability::FileWrite(None)),
            "doc:read" => return Ok(Ability::DocRead),
            "doc:write" => return Ok(Ability::DocWrite(None)),
            _ => {}
        }
        if let Some(glob) = text.strip_prefix("file:write:") {
            return PathGlob::parse(glob).map(|glob| Ability::FileWrite(Some(glob)));
        }
        if let Some(glob) = text.strip_prefix("doc:write:") {
            return PathGlob::parse(glob).map(|glob| Ability::DocWrite(Some(glob)));
        }
        text.strip_prefix("snapshot:read:")
            .and_then(SnapshotId::parse)
            .map(|id| Ability::SnapshotRead(Some(id)))
            .ok_or_else(|| {
                Error::validation(format!("unknown ability {:?}", shorten(text)))
                    .with("ability", shorten(text))
                    .with("known", json!(KNOWN))
                    .hint(format!("known abilities: {}", KNOWN.join(", ")))
            })
    }

    /// Whether this ability alone meets `need`.
    pub fn allows(&self, need: Need<'_>) -> bool {
        match (self, need) {
            (Ability::ProjectRead, Need::ReadFiles | Need::ReadDocs)
            | (Ability::DocRead, Need::ReadDocs)
            | (Ability::EventsRead, Need::ReadEvents)
            | (Ability::SnapshotRead(None), Need::ReadAnySnapshot | Need::ReadSnapshot(_))
            | (Ability::FileWrite(_), Need::WriteSome | Need::WriteAny)
            | (Ability::FileWrite(None), Need::Write(_))
            | (Ability::DocWrite(_), Need::WriteSomeDoc | Need::WriteAny)
            | (Ability::DocWrite(None), Need::WriteDoc(_) | Need::SubmitDoc(..) | Need::WriteBranches) => {
                true
            }
            (Ability::SnapshotRead(Some(ours)), Need::ReadSnapshot(id)) => *ours == id,
            (Ability::FileWrite(Some(glob)), Need::Write(path)) => glob.matches(path.as_str()),
            (Ability::DocWrite(Some(glob)), Need::WriteDoc(key) | Need::SubmitDoc(key, _)) => {
                glob.matches(&key.doc)
            }
            _ => false,
        }
    }

    /// Whether `weaker` certainly allows nothing that this one does not; false when in doubt.
    pub fn covers(&self, weaker: &Ability) -> bool {
        match (self, weaker) {
            (Ability::ProjectRead, Ability::ProjectRead | Ability::DocRead)
            | (Ability::DocRead, Ability::DocRead)
            | (Ability::EventsRead, Ability::EventsRead)
            | (Ability::SnapshotRead(None), Ability::SnapshotRead(_))
            | (Ability::FileWrite(None), Ability::FileWrite(_))
            | (Ability::DocWrite(None), Ability::DocWrite(_)) => true,
            (Ability::SnapshotRead(Some(ours)), Ability::SnapshotRead(Some(theirs))) => ours == theirs,
            (Ability::FileWrite(Some(ours)), Ability::FileWrite(Some(theirs)))
            | (Ability::DocWrite(Some(ours)), Ability::DocWrite(Some(theirs))) => ours.covers(theirs),
            _ => false,
        }
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ability::ProjectRead => f.write_str("project:read"),
            Ability::SnapshotRead(None) => f.write_str("snapshot:read"),
            Ability::SnapshotRead(Some(id)) => write!(f, "snapshot:read:{id}"),
            Ability::EventsRead => f.write_str("events:read"),
            Ability::FileWrite(None) => f.write_str("file:write"),
            Ability::FileWrite(Some(glob)) => write!(f, "file:write:{}", glob.pattern),
            Ability::DocRead => f.write_str("doc:read"),
            Ability::DocWrite(None) => f.write_str("doc:write"),
            Ability::DocWrite(Some(glob)) => write!(f, "doc:write:{}", glob.pattern),
        }
    }
}

/// A glob in the dialect of [`crate::filter`].
#[derive(Clone)]
pub struct PathGlob {
    pattern: String,
    compiled: Globs,
}

impl PathGlob {
    pub(crate) fn parse(pattern: &str) -> Result<Self> {
        let pattern = pattern.to_owned();
        let compiled = globs(std::slice::from_ref(&pattern))?;
        Ok(Self { pattern, compiled })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// Whether every path, and every name of a document, that `other` matches is certainly matched by this glob.
    ///
    /// `dir/**` matches what begins with `dir/`. What `other` begins with up to there is then literal too, and every
    /// path it matches begins so: `{a,b}` and `[ab]` choose only where they stand, and a `**` behind `dir/` begins
    /// with that `/`. Any other pair of different globs is refused, and so is every `..`, which no path can hold.
    pub(crate) fn covers(&self, other: &PathGlob) -> bool {
        let below = |dir: &str| other.pattern.starts_with(dir) && !other.pattern.contains("..");
        self.pattern == other.pattern || self.subtree().is_some_and(below)
    }

    /// `dir/` of a glob `dir/**` whose `dir` is literal; empty for `**`.
    fn subtree(&self) -> Option<&str> {
        // A backslash stands for itself; should that ever change, a subtree must not change its meaning with it.
        let literal = |dir: &str| !dir.contains(['*', '?', '[', ']', '{', '}', '\\']);
        self.pattern.strip_suffix("**").filter(|dir| (dir.is_empty() || dir.ends_with('/')) && literal(dir))
    }
}

impl PartialEq for PathGlob {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for PathGlob {}

impl fmt::Debug for PathGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.pattern)
    }
}

/// What a caller is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<'a> {
    /// Read the project and its files.
    ReadFiles,
    /// Read events.
    ReadEvents,
    /// Read this snapshot.
    ReadSnapshot(SnapshotId),
    /// Read whichever snapshot, as a list of them does.
    ReadAnySnapshot,
    /// Write this file.
    Write(&'a FilePath),
    /// Write at least some file; each still needs [`Need::Write`].
    WriteSome,
    /// Read documents and branches.
    ReadDocs,
    /// Write this document.
    WriteDoc(&'a DocKey),
    /// Write this document as a part of what is submitted: what may write it may do so, and what is bound to this submission.
    SubmitDoc(&'a DocKey, &'a Submission),
    /// Write at least some document; each still needs [`Need::WriteDoc`] or [`Need::SubmitDoc`].
    WriteSomeDoc,
    /// Make, merge, close and delete branches, whatever documents are on them.
    WriteBranches,
    /// Write at least some file or document.
    WriteAny,
}

/// 1 to 64 different abilities, sorted by the bytes of their text.
#[derive(Clone, PartialEq, Eq)]
pub struct Abilities(BTreeMap<String, Ability>);

impl Abilities {
    /// From text forms in any order; repeated ones count once.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self> {
        Self::check_count(texts.len())?;
        texts.iter().map(|text| Ability::parse(text.as_ref())).collect()
    }

    /// Refuses none (22023) and more than there may be (PT413).
    pub fn check_count(count: usize) -> Result<()> {
        match count {
            0 => Err(Error::validation("abilities must not be empty").with("argument", "abilities")),
            1..=MAX_ABILITIES => Ok(()),
            _ => Err(Error::limit(format!("abilities has {count} items"), MAX_ABILITIES)
                .with("argument", "abilities")),
        }
    }

    /// The canonical texts, in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The abilities, in the order of their texts.
    pub fn iter(&self) -> impl Iterator<Item = &Ability> {
        self.0.values()
    }

    /// Whether one of them meets `need`.
    pub fn allows(&self, need: Need<'_>) -> bool {
        self.iter().any(|ability| ability.allows(need))
    }

    /// The snapshots named one by one.
    pub fn snapshots(&self) -> impl Iterator<Item = SnapshotId> {
        self.iter().filter_map(|ability| match ability {
            Ability::SnapshotRead(snapshot) => *snapshot,
            _ => None,
        })
    }

    /// Whether one of them covers `weaker`.
    pub fn covers_one(&self, weaker: &Ability) -> bool {
        self.iter().any(|ability| ability.covers(weaker))
    }

    /// Whether each of `weaker` is covered, so that `weaker` certainly allows nothing that this set does not.
    pub fn covers(&self, weaker: &Abilities) -> bool {
        weaker.iter().all(|ability| self.covers_one(ability))
    }
}

/// As many as [`Abilities::check_count`] allows.
impl FromIterator<Ability> for Abilities {
    fn from_iter<I: IntoIterator<Item = Ability>>(abilities: I) -> Self {
        Self(abilities.into_iter().map(|ability| (ability.to_string(), ability)).collect())
    }
}

impl fmt::Debug for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;
    use uuid::Uuid;

    /// Every path of up to five bytes of this alphabet.
    static PATHS: LazyLock<Vec<FilePath>> = LazyLock::new(|| {
        let mut texts = vec![String::new()];
        let mut from = 0;
        for _ in 0..5 {
            let to = texts.len();
            for at in from..to {
                for letter in ["a", "b", "/", ".", ",", "}"] {
                    texts.push(format!("{}{letter}", texts[at]));
                }
            }
            from = to;
        }
        texts.iter().filter_map(|text| FilePath::parse(text).ok()).collect()
    });

    /// Every document whose name has up to four bytes of this alphabet. A name need be no path.
    static DOCS: LazyLock<Vec<DocKey>> = LazyLock::new(|| {
        let mut texts = vec![String::new()];
        let mut from = 0;
        for _ in 0..4 {
            let to = texts.len();
            for at in from..to {
                for letter in ["a", "b", "/", ".", ",", "}", "\\"] {
                    texts.push(format!("{}{letter}", texts[at]));
                }
            }
            from = to;
        }
        texts.iter().filter_map(|text| DocKey::main(text).ok()).collect()
    });

    /// What is needed of no thing in particular.
    const GENERAL: [Need; 8] = [
        Need::ReadFiles,
        Need::ReadEvents,
        Need::ReadAnySnapshot,
        Need::WriteSome,
        Need::ReadDocs,
        Need::WriteSomeDoc,
        Need::WriteBranches,
        Need::WriteAny,
    ];

    /// Each need there is, over small paths, names and snapshots.
    pub(crate) fn needs() -> impl Iterator<Item = Need<'static>> {
        let snapshots = (0..3).map(|id| Need::ReadSnapshot(SnapshotId(Uuid::from_u128(id))));
        let things = PATHS.iter().map(Need::Write).chain(DOCS.iter().map(Need::WriteDoc));
        GENERAL.into_iter().chain(snapshots).chain(things)
    }

    /// Globs that like to begin with the same directory; most are valid.
    fn pattern() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a", "b", "/", "/", "**", "*", "?", "[ab]", "[!a]", "[/]", "{a,b}", "{/,b}", "{", "}", ",", "..",
            ".", "a/", "**/", "/**", "{**,a}", "{a/**,b}", "\\",
        ]);
        let start = prop::sample::select(vec!["", "", "a/", "a/", "a/b/", "b"]);
        let rest = prop_oneof![
            Just("**".to_owned()),
            prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat()),
        ];
        (start, rest).prop_map(|(start, rest)| format!("{start}{rest}"))
    }

    fn glob() -> impl Strategy<Value = PathGlob> {
        pattern().prop_filter_map("no glob", |text| PathGlob::parse(&text).ok())
    }

    /// Any ability over the small paths and snapshots.
    fn ability() -> impl Strategy<Value = Ability> {
        let id = prop::option::of((0u128..3).prop_map(|id| SnapshotId(Uuid::from_u128(id))));
        prop_oneof![
            1 => Just(Ability::ProjectRead),
            1 => Just(Ability::EventsRead),
            2 => id.prop_map(Ability::SnapshotRead),
            1 => Just(Ability::FileWrite(None)),
            6 => glob().prop_map(|glob| Ability::FileWrite(Some(glob))),
            1 => Just(Ability::DocRead),
            1 => Just(Ability::DocWrite(None)),
            4 => glob().prop_map(|glob| Ability::DocWrite(Some(glob))),
        ]
    }

    /// Any small set of abilities.
    pub(crate) fn abilities() -> impl Strategy<Value = Abilities> {
        prop::collection::vec(ability(), 1..6).prop_map(|list| {
            Abilities::parse(&list.iter().map(Ability::to_string).collect::<Vec<_>>()).expect("valid")
        })
    }

    fn parse(text: &str) -> Ability {
        Ability::parse(text).expect(text)
    }

    fn path(text: &str) -> FilePath {
        FilePath::parse(text).expect(text)
    }

    #[test]
    fn parses_what_it_prints() {
        for text in [
            "project:read",
            "snapshot:read",
            "snapshot:read:01890a5d-ac96-774b-bcce-b302099a8057",
            "events:read",
            "file:write",
            "file:write:src/**",
            "file:write:a:b",
            "doc:read",
            "doc:write",
            "doc:write:notes/**",
            "doc:write:a:b",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        let id = "snapshot:read:01890A5DAC96774BBCCEB302099A8057";
        assert_eq!(parse(id).to_string(), "snapshot:read:01890a5d-ac96-774b-bcce-b302099a8057");
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("file:write:{}", "a".repeat(1025));
        let longer = format!("file:write:{}", "a".repeat(1200));
        for bad in [
            "",
            "project",
            "project:read:",
            "Project:read",
            " project:read",
            "snapshot:read:",
            "snapshot:read:x",
            "events:read:*",
            "file:write:",
            "file:write:a[b",
            "file:read",
            "doc:",
            "doc:read:",
            "doc:read:a",
            "doc:write:",
            "doc:write:a[b",
            "Doc:write",
            "*",
            &long,
            &longer,
        ] {
            let error = Ability::parse(bad).expect_err(bad);
            assert_eq!(error.code().sqlstate(), "22023", "{bad}");
        }
        let hint = Ability::parse("nonsense").expect_err("unknown");
        assert!(hint.hint_text().is_some_and(|hint| KNOWN.iter().all(|known| hint.contains(known))));
    }

    #[test]
    fn sets_are_sorted_and_hold_each_once() {
        let set = Abilities::parse(&["project:read", "file:write:b", "events:read", "project:read"]);
        let texts = ["events:read", "file:write:b", "project:read"];
        assert!(set.expect("valid").texts().eq(texts));
        assert!(Abilities::parse::<&str>(&[]).is_err());
        assert!(Abilities::parse(&vec!["project:read"; 64]).is_ok());
        assert!(Abilities::parse(&vec!["project:read"; 65]).is_err());
    }

    #[test]
    fn each_allows_its_own_kind_only() {
        let (one, other) = (SnapshotId(Uuid::from_u128(1)), SnapshotId(Uuid::from_u128(2)));
        let (inside, outside) = (path("src/a/b.rs"), path("srcx/a"));
        let key = |branch: &str, doc: &str| DocKey::parse(branch, doc).expect("names");
        let (note, draft, other_doc) = (key("main", "src/a"), key("draft", "src/a"), key("main", "srcx"));
        let things = [
            ("snapshot one", Need::ReadSnapshot(one)),
            ("snapshot other", Need::ReadSnapshot(other)),
            ("write inside", Need::Write(&inside)),
            ("write outside", Need::Write(&outside)),
            ("doc inside", Need::WriteDoc(&note)),
            ("doc on a branch", Need::WriteDoc(&draft)),
            ("doc outside", Need::WriteDoc(&other_doc)),
        ];
        let general = [
            ("files", Need::ReadFiles),
            ("events", Need::ReadEvents),
            ("snapshots", Need::ReadAnySnapshot),
            ("write", Need::WriteSome),
            ("docs", Need::ReadDocs),
            ("write docs", Need::WriteSomeDoc),
            ("branches", Need::WriteBranches),
            ("any", Need::WriteAny),
        ];
        assert!(general.iter().map(|(_, need)| *need).eq(GENERAL));
        let docs = "doc inside, doc on a branch, ";
        for (text, allowed) in [
            ("project:read", "files, docs"),
            ("events:read", "events"),
            ("snapshot:read", "snapshot one, snapshot other, snapshots"),
            (&format!("snapshot:read:{one}"), "snapshot one"),
            ("file:write", "write inside, write outside, write, any"),
            ("file:write:src/**", "write inside, write, any"),
            ("doc:read", "docs"),
            ("doc:write", &format!("{docs}doc outside, write docs, branches, any")),
            ("doc:write:src/**", &format!("{docs}write docs, any")),
            ("doc:write:**", &format!("{docs}doc outside, write docs, any")),
            ("doc:write:src", "write docs, any"),
        ] {
            let ability = parse(text);
            let meets = things.iter().chain(&general).filter(|(_, need)| ability.allows(*need));
            let names: Vec<&str> = meets.map(|(name, _)| *name).collect();
            assert_eq!(names.join(", "), allowed, "{text}");
        }
    }

    #[test]
    fn covers_what_is_certainly_narrower() {
        for (ours, theirs, expected) in [
            ("file:write", "file:write:src/**", true),
            ("file:write:src/**", "file:write", false),
            ("file:write:src/**", "file:write:src/**", true),
            ("file:write:src/**", "file:write:src/a/**", true),
            ("file:write:src/**", "file:write:src/{a,b}/*.rs", true),
            ("file:write:src/**", "file:write:src/**/a", true),
            ("file:write:**", "file:write:src/*", true),
            ("file:write:src/**", "file:write:src", false),
            ("file:write:src/**", "file:write:srcx/a", false),
            ("file:write:src/**", "file:write:src**", false),
            ("file:write:src/**", "file:write:{src/a,b}", false),
            ("file:write:src/**", "file:write:src/../a", false),
            ("file:write:src**", "file:write:src/a", false),
            ("file:write:s?c/**", "file:write:s?c/a", false),
            ("file:write:{a,b}/**", "file:write:{a,b}/c", false),
            ("file:write:[a]/**", "file:write:[a]/b", false),
            ("file:write:src/*", "file:write:src/a", false),
            ("snapshot:read", "snapshot:read:00000000-0000-0000-0000-000000000001", true),
            ("snapshot:read:00000000-0000-0000-0000-000000000001", "snapshot:read", false),
            ("project:read", "events:read", false),
            ("project:read", "doc:read", true),
            ("doc:read", "project:read", false),
            ("doc:write", "doc:write:a/**", true),
            ("doc:write:a/**", "doc:write:a/b", true),
            ("doc:write:a/**", "doc:write", false),
            ("doc:write:**", "doc:write", false),
            ("doc:write", "file:write", false),
            ("file:write", "doc:write", false),
            ("file:write:a", "doc:write:a", false),
            ("doc:write", "doc:read", false),
        ] {
            assert_eq!(parse(ours).covers(&parse(theirs)), expected, "{ours} covers {theirs}");
        }
    }

    #[test]
    fn two_stars_match_every_path_and_name() {
        let all = [parse("file:write:**"), parse("doc:write:**")];
        assert!(PATHS.iter().all(|path| all[0].allows(Need::Write(path))));
        assert!(DOCS.iter().all(|key| all[1].allows(Need::WriteDoc(key))));
    }

    proptest! {
        #[test]
        fn a_covered_glob_matches_no_other_path(ours in glob(), theirs in glob()) {
            if ours.covers(&theirs) {
                let names = DOCS.iter().map(|key| key.doc.as_str());
                for text in PATHS.iter().map(FilePath::as_str).chain(names).filter(|text| theirs.matches(text)) {
                    prop_assert!(ours.matches(text), "{text}: {theirs:?} but not {ours:?}");
                }
            }
        }

        #[test]
        fn a_covered_set_allows_nothing_else(ours in abilities(), theirs in abilities()) {
            prop_assert!(ours.covers(&ours));
            if ours.covers(&theirs) {
                for need in needs().filter(|need| theirs.allows(*need)) {
                    prop_assert!(ours.allows(need), "{need:?}: {theirs:?} but not {ours:?}");
                }
            }
        }

        #[test]
        fn parsing_never_panics(text in "(file:write:|doc:write:|snapshot:read:)?.{0,40}") {
            if let Ok(ability) = Ability::parse(&text) {
                prop_assert_eq!(Ability::parse(&ability.to_string()).expect("parsed once"), ability);
            }
        }
    }
}
