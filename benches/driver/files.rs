//! Content: reproducible text that compresses about as well as source code, and ways to save it on either side.

use crate::Result;
use crate::database::Side;
use postgres::Client;
use serde_json::{Value, json};
use std::fmt::Write;
use uuid::Uuid;

/// Bytes of one file.
pub const FILE_BYTES: usize = 4096;
/// Most files of one bulk call.
pub const BULK_FILES: usize = 1000;

/// One file to save.
#[derive(Clone)]
pub struct File {
    pub path: String,
    pub content: String,
}

/// So many files, each with a text of its own.
pub fn files(seed: u64, count: usize) -> Vec<File> {
    let mut texts = Texts::new(seed);
    (0..count).map(|number| File { path: path(number), content: texts.text(FILE_BYTES) }).collect()
}

/// Where the n-th file lies.
fn path(number: usize) -> String {
    format!("src/module_{}/file_{number}.ts", number % 40)
}

/// The same files after another edit.
pub fn edited(files: &[File], edit: usize) -> Vec<File> {
    let edit = |file: &File| File {
        path: file.path.clone(),
        content: format!("// edit {edit}\n{}", &file.content[..file.content.len() - 16]),
    };
    files.iter().map(edit).collect()
}

/// The files as a bulk function takes them, as the text that goes over the wire.
pub fn bulk_json(files: &[File]) -> String {
    let item = |file: &File| json!({"file_path": file.path, "content": file.content});
    Value::Array(files.iter().map(item).collect()).to_string()
}

/// The bulk function of a side. Parameters: project, files as text; result: a receipt with the seq.
pub fn bulk_sql(side: Side) -> &'static str {
    match side {
        Side::Quire => "SELECT quire.bulk_upsert_project_files($1, $2::text::jsonb)",
        Side::Baseline => "SELECT baseline.bulk_upsert_project_files($1, $2::text::jsonb)",
    }
}

/// The single-file function of a side. Parameters: project, path, content.
pub fn upsert_sql(side: Side) -> &'static str {
    match side {
        Side::Quire => "SELECT quire.upsert_project_file($1, $2, $3)",
        Side::Baseline => "SELECT baseline.upsert_project_file($1, $2, $3)",
    }
}

/// Saves files through the bulk function; gives the newest seq.
pub fn save(client: &mut Client, side: Side, project: Uuid, files: &[File]) -> Result<i64> {
    let statement = client.prepare(bulk_sql(side))?;
    let mut seq = 0;
    for some in files.chunks(BULK_FILES) {
        let receipt: Value = client.query_one(&statement, &[&project, &bulk_json(some)])?.try_get(0)?;
        seq = receipt.get("seq").and_then(Value::as_i64).ok_or("a receipt without a seq")?;
    }
    Ok(seq)
}

/// Writes program text.
pub struct Texts {
    state: u64,
}

const WORDS: [&str; 72] = [
    "account", "action", "address", "array", "batch", "branch", "buffer", "cache", "channel", "client",
    "color", "column", "config", "context", "cursor", "date", "device", "document", "editor", "element",
    "entry", "error", "event", "field", "file", "filter", "folder", "format", "frame", "group", "handler",
    "header", "history", "image", "index", "input", "invoice", "item", "label", "layout", "limit", "link",
    "list", "member", "message", "model", "module", "node", "offset", "option", "order", "output", "owner",
    "page", "parent", "path", "payment", "project", "query", "queue", "record", "region", "request",
    "result", "route", "schema", "session", "state", "theme", "token", "user", "window",
];
const VERBS: [&str; 20] = [
    "apply", "build", "check", "clear", "close", "create", "fetch", "find", "handle", "load", "merge",
    "open", "parse", "read", "render", "resolve", "save", "send", "update", "write",
];
const PROSE: [&str; 32] = [
    "the", "a", "when", "is", "not", "only", "before", "after", "because", "every", "must", "may", "already",
    "new", "old", "same", "first", "last", "so", "that", "and", "or", "of", "with", "without", "from",
    "into", "until", "never", "always", "keeps", "needs",
];

impl Texts {
    /// The same seed gives the same texts.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }

    /// A text of exactly so many bytes, all ASCII.
    pub fn text(&mut self, bytes: usize) -> String {
        let mut out = String::with_capacity(bytes + 200);
        while out.len() < bytes {
            self.function(&mut out);
        }
        out.truncate(bytes);
        out
    }

    fn function(&mut self, out: &mut String) {
        let words = 6 + self.below(7);
        out.push_str("// ");
        for _ in 0..words {
            let word = if self.below(2) == 0 { self.word() } else { PROSE[self.below(PROSE.len())] };
            let _ = write!(out, "{word} ");
        }
        let (name, kind, argument) = (self.verb(), self.type_name(), self.word());
        let _ = writeln!(out, "\nexport function {name}{kind}({argument}: {kind}): {} {{", self.type_name());
        for _ in 0..4 + self.below(8) {
            self.line(out, argument);
        }
        out.push_str("}\n\n");
    }

    fn line(&mut self, out: &mut String, argument: &str) {
        let (a, b, verb, kind) = (self.word(), self.word(), self.verb(), self.type_name());
        let number = self.below(1000);
        // Writing to a String cannot fail.
        let _ = match self.below(9) {
            0 => writeln!(out, "  const {a} = {verb}{kind}({argument}.{b}, {number});"),
            1 => writeln!(
                out,
                "  if ({argument}.{a} === undefined) {{\n    throw new {kind}Error('no {b}');\n  }}"
            ),
            2 => writeln!(out, "  for (const {a} of {argument}.{b}s) {{\n    {a}.{verb}({number});\n  }}"),
            3 => writeln!(out, "  return {{ {a}: {b}.{verb}{kind}(), {b}: {number} }};"),
            4 => writeln!(out, "  this.{a}{kind} = await this.{b}.{verb}({argument});"),
            5 => writeln!(out, "  {a}.push(`{b}/${{{argument}.{a}}}/{number}`);"),
            6 => writeln!(out, "  let {a}{kind}: {kind} | null = {b} ?? null;"),
            7 => writeln!(out, "  logger.debug('{verb} {a} {b}', {{ {argument} }});"),
            _ => writeln!(out, "  {a}.{b} = {verb}({argument}) + {number};"),
        };
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }

    fn verb(&mut self) -> &'static str {
        VERBS[self.below(VERBS.len())]
    }

    fn type_name(&mut self) -> String {
        let word = self.word();
        word[..1].to_uppercase() + &word[1..]
    }

    /// SplitMix64.
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn texts_have_their_length_and_differ() {
        let some = files(1, 50);
        assert!(some.iter().all(|file| file.content.len() == FILE_BYTES));
        let again = edited(&some, 1);
        assert!(again.iter().all(|file| file.content.len().abs_diff(FILE_BYTES) < 16));
        let contents: HashSet<_> = some.iter().chain(&again).map(|file| &file.content).collect();
        assert_eq!(contents.len(), 100);
        assert_eq!(files(1, 50)[49].content, some[49].content);
    }
}
