//! Golden vectors: what is made of fixed inputs, in `tests/vectors/*.json`, for whoever verifies it in another language.
//!
//! The inputs are in these modules. Each test computes everything anew and compares it with its file. A difference means that a
//! form has changed: what was stored, exported or given out before does not verify any more. `tests/vectors/check.mjs` computes
//! the same from the inputs in the files, with nothing of quire.
//!
//! What a file says beside that is true, too: `log` lets no bundle through that could not come next, and `claims` finds nothing in
//! any file that is a hash of nothing or a length of something else.
//!
//! When there are more inputs, `QUIRE_WRITE_VECTORS=1 cargo test --no-default-features --lib vectors` writes the files anew. A test
//! whose file changed fails that once, so that writing is never taken for comparing.

mod chain;
mod claims;
mod content;
mod event;
mod export;
mod log;
mod number;
mod op;
mod token;

use crate::hash::Hash;
use crate::json;
use crate::op::Op;
use serde::Serialize;
use serde_json::Value;
use std::fs;

/// An operation as somebody gives it, and what becomes of it.
#[derive(Serialize)]
struct OpVector {
    /// JSON in any spelling.
    input: String,
    canonical: String,
    checksum: Hash,
}

impl OpVector {
    fn of(input: &str) -> (Self, Op) {
        let input = one_line(input);
        let op = Op::parse("op", &value(&input)).expect(&input);
        let canonical = canonical(&op);
        let checksum = op.checksum().expect("a checksum");
        assert_eq!(checksum, Hash::of(canonical.as_bytes()), "{input}");
        assert_eq!(Op::parse("op", &value(&canonical)).expect("its own form"), op);
        (Self { input, canonical, checksum }, op)
    }
}

fn canonical(value: &impl Serialize) -> String {
    String::from_utf8(json::canonical(value).expect("canonical")).expect("UTF-8")
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).expect(json)
}

/// A text of several lines in the source, without their indentation.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim_start).collect::<Vec<_>>().join(" ")
}

/// The files.
const NAMES: [&str; 6] = ["op", "number", "chain", "export", "token", "event"];

fn path(name: &str) -> String {
    format!("{}/../../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

/// A file as it is.
fn kept(name: &str) -> Value {
    value(&fs::read_to_string(path(name)).expect("a file"))
}

/// Compares what was computed with `tests/vectors/<name>.json`.
fn check(name: &str, computed: &impl Serialize) {
    let file = path(name);
    let computed = serde_json::to_string_pretty(computed).expect("JSON") + "\n";
    let kept = fs::read_to_string(&file).unwrap_or_default();
    if kept == computed {
        return;
    }
    if std::env::var_os("QUIRE_WRITE_VECTORS").is_some_and(|set| set == "1") {
        fs::write(&file, computed).expect("a file that can be written");
        panic!("{file} is written anew: read the difference, then test again");
    }
    let differs = |(kept, computed): (&str, &str)| kept != computed;
    let at = kept.lines().zip(computed.lines()).position(differs);
    let at = at.unwrap_or_else(|| kept.lines().count().min(computed.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("nothing").trim().to_owned();
    panic!(
        "a form that others verify has changed: {name}.json has in line {}\n  {}\nbut computed is\n  {}",
        at + 1,
        line(&kept),
        line(&computed)
    );
}
