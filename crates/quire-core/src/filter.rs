//! Filters of subscriptions: which events, which paths by glob, or which documents by a query.
//!
//! `*` and `?` stay inside a segment, `**` crosses segments, `[ab]` and `{a,b}` choose. Everything else, `_`, `%` and
//! `\` included, stands for itself.

use crate::error::{Error, Result};
use crate::event::SNAPSHOT_READY;
use crate::interrupt;
use crate::op::Topic;
use crate::query::DocWatch;
use crate::text::shorten;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde_json::{Value, json};

/// Most globs in one filter.
const MAX_GLOBS: usize = 100;
/// Longest glob, in bytes.
const MAX_GLOB_BYTES: usize = 1024;

/// Most bytes of globs that are matched in one step: a matcher may take as many steps as there are bytes of globs, times those of the
/// path.
const MAX_STEP_BYTES: usize = 2048;

/// Names of the events a filter may choose.
pub fn known_events() -> impl Iterator<Item = &'static str> {
    Topic::ALL.iter().copied().flat_map(|topic| topic.events()).copied().chain([SNAPSHOT_READY])
}

/// A parsed filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    events: Option<Vec<String>>,
    paths: Option<Globs>,
    docs: Option<DocWatch>,
}

impl Filter {
    /// From `{"events": [...], "paths": [...]}`; an absent member lets everything through. Or from `{"docs": {...}}`, which stands alone.
    pub fn parse(value: &Value) -> Result<Self> {
        let Value::Object(object) = value else {
            return Err(Error::validation("filter must be a JSON object"));
        };
        let mut filter = Filter::default();
        for (key, value) in object {
            match key.as_str() {
                "events" => filter.events = Some(events(value)?),
                "paths" => filter.paths = Some(globs(&strings("paths", value)?)?),
                "docs" if object.len() > 1 => {
                    let message = "filter has docs together with another member";
                    return Err(Error::validation(message).with("member", "docs"));
                }
                "docs" => filter.docs = Some(DocWatch::parse(value)?),
                _ => {
                    return Err(Error::validation(format!(
                        "filter has an unknown member {:?}",
                        shorten(key)
                    ))
                    .with("member", shorten(key)));
                }
            }
        }
        Ok(filter)
    }

    /// The documents that are followed, if it is documents.
    pub fn docs(&self) -> Option<&DocWatch> {
        self.docs.as_ref()
    }

    /// Whether an event of this name passes.
    pub fn wants_event(&self, name: &str) -> bool {
        self.events.as_ref().is_none_or(|events| events.iter().any(|event| event == name))
    }

    /// Whether changes of what has no path pass, those of documents aside.
    pub fn wants_pathless(&self) -> bool {
        self.paths.is_none() && self.docs.is_none()
    }

    /// Whether changes of documents pass.
    pub fn wants_docs(&self) -> bool {
        self.paths.is_none()
    }

    /// Whether a change at this path passes.
    pub fn wants_path(&self, path: &str) -> bool {
        self.docs.is_none() && self.paths.as_ref().is_none_or(|globs| globs.is_match(path))
    }
}

fn events(value: &Value) -> Result<Vec<String>> {
    let names = strings("events", value)?;
    if let Some(unknown) = names.iter().find(|name| known_events().all(|known| known != name.as_str())) {
        return Err(Error::validation(format!("unknown event {:?}", shorten(unknown)))
            .with("event", shorten(unknown))
            .with("known", json!(known_events().collect::<Vec<_>>())));
    }
    Ok(names)
}

fn strings(key: &str, value: &Value) -> Result<Vec<String>> {
    serde_json::from_value::<Vec<String>>(value.clone())
        .ok()
        .filter(|list| !list.is_empty() && list.len() <= MAX_GLOBS)
        .ok_or_else(|| {
            Error::validation(format!("filter member {key:?} must be an array of 1 to {MAX_GLOBS} strings"))
                .with("member", key)
        })
}

/// Compiled globs.
#[derive(Debug, Clone)]
pub struct Globs(Vec<GlobSet>);

impl Globs {
    /// Whether one of them matches. Looks at interrupts.
    pub fn is_match(&self, path: &str) -> bool {
        self.0.iter().any(|set| {
            interrupt::pause();
            set.is_match(path)
        })
    }
}

/// Compiles globs; 22023 names the first that is none.
pub fn globs(patterns: &[String]) -> Result<Globs> {
    let (mut sets, mut set, mut bytes) = (Vec::new(), GlobSetBuilder::new(), 0);
    let compiled = |set: &GlobSetBuilder| {
        interrupt::check()?;
        set.build().map_err(|error| Error::validation(format!("invalid glob: {}", error.kind())))
    };
    for pattern in patterns {
        let bad =
            |why: String| Error::validation(format!("invalid glob: {why}")).with("glob", shorten(pattern));
        if pattern.is_empty() || pattern.len() > MAX_GLOB_BYTES {
            return Err(bad(format!("it must have 1 to {MAX_GLOB_BYTES} bytes")));
        }
        if bytes + pattern.len() > MAX_STEP_BYTES {
            sets.push(compiled(&set)?);
            (set, bytes) = (GlobSetBuilder::new(), 0);
        }
        bytes += pattern.len();
        set.add(
            GlobBuilder::new(pattern)
                .literal_separator(true)
                .backslash_escape(false)
                .build()
                .map_err(|error| bad(error.kind().to_string()))?,
        );
    }
    sets.push(compiled(&set)?);
    Ok(Globs(sets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(globs: &[&str]) -> Filter {
        Filter::parse(&json!({"paths": globs})).expect("valid")
    }

    #[test]
    fn globs_keep_to_segments() {
        let filter = paths(&["src/**", "*.md"]);
        assert!(filter.wants_path("src/a/b.rs"));
        assert!(filter.wants_path("README.md"));
        assert!(!filter.wants_path("srcx/a"));
        assert!(!filter.wants_path("docs/README.md"));
    }

    #[test]
    fn documents_stand_alone() {
        let filter = Filter::parse(&json!({"docs": {"prefix": "a"}})).expect("valid");
        assert!(filter.docs().is_some_and(|docs| docs.may_be("main", "a/b") && !docs.may_be("main", "b")));
        assert!(filter.wants_docs() && !filter.wants_pathless() && !filter.wants_path("a/b"));
        assert!(Filter::parse(&json!({"docs": {}, "paths": ["a"]})).is_err());
        assert!(Filter::parse(&json!({"docs": null})).is_err());
    }

    #[test]
    fn sql_wildcards_stand_for_themselves() {
        let filter = paths(&["a_b/%"]);
        assert!(filter.wants_path("a_b/%"));
        assert!(!filter.wants_path("axb/%"));
        assert!(!filter.wants_path("a_b/c"));
        assert!(paths(&["a\\b"]).wants_path("a\\b"));
    }

    #[test]
    fn as_many_and_as_long_globs_as_there_may_be_match() {
        let long: Vec<String> = (0..MAX_GLOBS).map(|n| format!("{}/{n}", "a".repeat(1000))).collect();
        let globs = globs(&long).expect("globs");
        assert!(globs.0.len() >= 50, "{} steps", globs.0.len());
        for n in [0, 1, 2, 50, 99] {
            assert!(globs.is_match(&long[n]));
        }
        assert!(!globs.is_match(&format!("{}/100", "a".repeat(1000))));
    }

    #[test]
    fn bad_filters_are_refused() {
        for bad in [
            json!(3),
            json!({"path": ["a"]}),
            json!({"paths": []}),
            json!({"paths": "a"}),
            json!({"paths": ["a[b"]}),
            json!({"paths": [""]}),
            json!({"events": ["file:create"]}),
        ] {
            assert!(Filter::parse(&bad).is_err(), "{bad}");
        }
    }
}
