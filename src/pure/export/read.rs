//! Reading an export.

use super::apply::Outcome;
use super::{AssetRecord, BLOBS, BundleRecord, FILES, FORMAT, FORMAT_VERSION, HISTORY, PROJECT};
use super::{GoneRecord, ProjectRecord, TagRecord};
use crate::error::{Code, Error, Result};
use crate::pure::archive::Member;
use crate::pure::asset::{AssetEdit, Label, Source};
use crate::pure::chain::{self, BundleHeader};
use crate::pure::content::is_binary;
use crate::pure::field::{EntityKey, FieldEdit, value};
use crate::pure::hash::Hash;
use crate::pure::json::{Members, canonical};
use crate::pure::op::{Mode, Op};
use crate::pure::path::{FilePath, shorten};
use crate::pure::timestamp::parse_rfc3339;
use memchr::memchr;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Most bundles of one archive.
const MAX_BUNDLES: usize = 1_000_000;
/// Most operations.
const MAX_OPS: usize = 1_000_000;
/// Most bytes of the lines that are kept in memory.
const MAX_LINE_BYTES: usize = 512 << 20;
/// Most JSON values in one line: each takes many times the memory of the two bytes that say it.
const MAX_LINE_VALUES: usize = 8_000_000;
/// Most bytes of an operation, and of a value of a field, as written there: that of a field has 1 MiB in canonical form.
const MAX_OP_BYTES: usize = 2 << 20;
/// Most bytes of what is recorded with a bundle.
const MAX_DETAILS_BYTES: usize = 1 << 20;
/// Most bytes of the project's record.
const MAX_PROJECT_BYTES: usize = 1 << 20;
/// Most tags.
const MAX_TAGS: usize = 100_000;

/// What an operation did.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A file got this content.
    Put {
        /// Where.
        path: FilePath,
        /// Its type.
        file_type: String,
        /// Its mode bits.
        mode: Mode,
        /// BLAKE3 of the content.
        hash: Hash,
        /// Its bytes.
        size: i64,
    },
    /// A file went away.
    Delete(FilePath),
    /// A file got another path.
    Move(FilePath, FilePath),
    /// Fields changed.
    Field(FieldEdit),
    /// An asset changed; one that is put has its size as [`Source::Copied`].
    Asset(AssetEdit),
    /// Nothing.
    Nothing,
}

/// A bundle of the archive.
#[derive(Clone, PartialEq, Debug)]
pub struct Imported {
    /// Its record, without details.
    pub record: BundleRecord,
    /// Those, as JSON.
    pub details: Option<String>,
    /// Its operations, in order.
    pub changes: Vec<Change>,
}

/// A content of the archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Bytes.
    pub size: i64,
    /// Not text.
    pub is_binary: bool,
}

/// An archive that was verified.
#[derive(Debug)]
pub struct Export {
    /// Its record.
    pub project: ProjectRecord,
    /// The log, in order: bundle n has seq n.
    pub bundles: Vec<Imported>,
    /// Names of seqs.
    pub tags: Vec<TagRecord>,
    /// What is known of the contents, by hash.
    pub contents: HashMap<Hash, Stored>,
    /// What is known of contents that are named and not there, by hash.
    pub gone: HashMap<Hash, GoneRecord>,
}

impl Change {
    /// The content that it names, and its bytes.
    pub fn content(&self) -> Option<(Hash, i64)> {
        match self {
            Change::Put { hash, size, .. } => Some((*hash, *size)),
            Change::Asset(AssetEdit::Put { hash, source: Source::Copied(size), .. }) => Some((*hash, *size)),
            _ => None,
        }
    }
}

impl Export {
    /// Every content that a file or an asset ever had.
    pub fn used(&self) -> impl Iterator<Item = Hash> {
        let changes = self.bundles.iter().flat_map(|bundle| &bundle.changes);
        changes.filter_map(Change::content).map(|(hash, _)| hash)
    }

    /// What a file of this content is like; of a content that is gone, too.
    pub fn describe(&self, hash: &Hash) -> Option<Stored> {
        let gone = || self.gone.get(hash).map(|gone| Stored { size: gone.size, is_binary: gone.is_binary });
        self.contents.get(hash).copied().or_else(gone)
    }

    /// The content of every symlink that ever was.
    pub fn links(&self) -> impl Iterator<Item = Hash> {
        self.bundles.iter().flat_map(|bundle| &bundle.changes).filter_map(|change| match change {
            Change::Put { mode: Mode::Symlink, hash, .. } => Some(*hash),
            _ => None,
        })
    }
}

/// A line of `bundles`; what it holds besides is passed over.
#[derive(Deserialize)]
struct BundleLine<'a> {
    header: BundleHeader,
    author: Option<String>,
    committed_at: String,
    op_count: usize,
    prev_checksum: Hash,
    checksum: Hash,
    #[serde(borrow)]
    details: Option<&'a RawValue>,
}

/// A line of `operations`.
#[derive(Deserialize)]
struct OpLine<'a> {
    seq: i64,
    ordinal: usize,
    #[serde(borrow)]
    op: &'a RawValue,
    checksum: Hash,
}

/// A line of `entities`.
#[derive(Deserialize)]
struct EntityLine<'a> {
    #[serde(borrow)]
    entity_type: Cow<'a, str>,
    #[serde(borrow)]
    entity_id: Cow<'a, str>,
    #[serde(borrow)]
    fields: BTreeMap<String, &'a RawValue>,
}

/// Takes the files of an archive, in any order.
#[derive(Default)]
pub struct Reader {
    project: Option<ProjectRecord>,
    bundles: Vec<(BundleRecord, Option<String>)>,
    ops: Vec<(i64, usize, Hash, Change)>,
    tags: Vec<TagRecord>,
    contents: HashMap<Hash, Stored>,
    gone: HashMap<Hash, GoneRecord>,
    /// What the archive says that it all leads to.
    outcome: Outcome,
    line_bytes: usize,
}

impl Reader {
    /// Takes one file.
    pub fn take(&mut self, member: &Member) -> Result<()> {
        let path = member.path.as_str();
        let bytes = member.bytes.as_slice();
        if let Some(file) = path.strip_prefix(FILES) {
            self.outcome.put(FilePath::parse(file)?, member.mode, Hash::of(bytes));
        } else if let Some(name) = path.strip_prefix(BLOBS) {
            let hash = Hash::of(bytes);
            if hash.to_hex() != name {
                return Err(
                    wrong("a content does not have the hash that it is kept under").with("file", path)
                );
            }
            self.contents.insert(hash, Stored { size: bytes.len() as i64, is_binary: is_binary(bytes) });
        } else if path == PROJECT {
            at_most(bytes.len(), MAX_PROJECT_BYTES, "bytes in the project's record")?;
            self.project = Some(parse(path, 1, bytes)?);
        } else if let Some((what, _)) = path.strip_prefix(HISTORY).and_then(|rest| rest.split_once('/')) {
            match what {
                "bundles" => self.lines(path, bytes, Self::take_bundle)?,
                "operations" => self.lines(path, bytes, Self::take_op)?,
                "entities" => self.lines(path, bytes, Self::take_entity)?,
                "assets" => self.lines(path, bytes, Self::take_asset)?,
                "gone" => self.lines(path, bytes, Self::take_gone)?,
                "tags" => self.lines(path, bytes, |reader, record| {
                    reader.tags.push(record);
                    at_most(reader.tags.len(), MAX_TAGS, "tags")
                })?,
                _ => {}
            }
        }
        Ok(())
    }

    fn lines<'b, T: Deserialize<'b>>(
        &mut self,
        path: &str,
        bytes: &'b [u8],
        mut each: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        self.line_bytes += bytes.len();
        at_most(self.line_bytes, MAX_LINE_BYTES, "bytes of history")?;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if !line.is_empty() {
                each(self, parse(path, number, line)?)?;
            }
        }
        Ok(())
    }

    fn take_bundle(&mut self, line: BundleLine<'_>) -> Result<()> {
        let BundleLine { header, author, committed_at, op_count, prev_checksum, checksum, details } = line;
        // Kept as text, which is what the limit of the lines counts.
        let details = details.map(|details| short(details, MAX_DETAILS_BYTES)).transpose()?;
        let record =
            BundleRecord { header, author, committed_at, op_count, prev_checksum, checksum, details: None };
        self.bundles.push((record, details.map(str::to_owned)));
        at_most(self.bundles.len(), MAX_BUNDLES, "bundles")
    }

    fn take_op(&mut self, line: OpLine<'_>) -> Result<()> {
        let OpLine { seq, ordinal, op, checksum } = line;
        let op: Value = tree(op)?;
        if Hash::of(&canonical(&op)?) != checksum {
            return Err(wrong("an operation does not match its checksum")
                .with("seq", seq)
                .with("ordinal", ordinal));
        }
        self.ops.push((seq, ordinal, checksum, change(&op)?));
        at_most(self.ops.len(), MAX_OPS, "operations")
    }

    fn take_entity(&mut self, line: EntityLine<'_>) -> Result<()> {
        let entity = EntityKey::parse(&line.entity_type, &line.entity_id)?;
        for (field, json) in &line.fields {
            self.outcome.set(entity.clone().field(field)?, value("value", &tree(json)?)?);
        }
        at_most(self.outcome.field_count(), MAX_OPS, "fields")
    }

    fn take_asset(&mut self, record: AssetRecord) -> Result<()> {
        let label = Label::parse(&record.filename, &record.media_type, &record.asset_type)?;
        self.outcome.keep(record.content_hash, label, record.size);
        Ok(())
    }

    fn take_gone(&mut self, record: GoneRecord) -> Result<()> {
        if record.when.as_deref().is_some_and(|when| parse_rfc3339(when).is_none()) {
            return Err(wrong("a time cannot be read").with("content_hash", record.content_hash.to_hex()));
        }
        self.gone.insert(record.content_hash, record);
        Ok(())
    }

    /// Verifies everything.
    pub fn finish(self) -> Result<Export> {
        let Reader { project, mut bundles, mut ops, tags, contents, mut gone, mut outcome, .. } = self;
        let project = project
            .filter(|project| project.format == FORMAT)
            .ok_or_else(|| Error::validation("the archive is not an export of quire"))?;
        if project.format_version != FORMAT_VERSION {
            return Err(Error::validation("the export has a format that is not known here")
                .with("format_version", project.format_version));
        }
        bundles.sort_by_key(|(bundle, _)| bundle.header.seq);
        ops.sort_by_key(|(seq, ordinal, ..)| (*seq, *ordinal));
        gone.retain(|hash, _| !contents.contains_key(hash));
        let bundles = chained(&project, bundles, ops)?;
        let mut result = Outcome::default();
        for Imported { record, changes, .. } in &bundles {
            for change in changes {
                let sound = check_content(change, &contents, &gone).and_then(|()| result.apply(change));
                sound.map_err(|error| error.with("seq", record.header.seq))?;
            }
        }
        let lost = |(_, hash): &(&FilePath, &Hash)| !contents.contains_key(hash) && gone.contains_key(hash);
        if let Some((path, hash)) = outcome.files().find(lost) {
            return Err(wrong("the content of a current file is missing")
                .with("file_path", path.as_str())
                .with("content_hash", hash.to_hex()));
        }
        // A current file of which nothing is left is not among the files.
        outcome.take_over(&result, |hash| gone.contains_key(hash));
        result.compare(&outcome)?;
        if let Some(tag) = tags.iter().find(|tag| !(0..=project.seq).contains(&tag.seq)) {
            return Err(wrong("a tag names a bundle that is not there").with("tag", shorten(&tag.tag)));
        }
        Ok(Export { project, bundles, tags, contents, gone })
    }
}

/// What a change names is there, or known to be gone. A symlink must be there: nobody could tell where it points to.
fn check_content(
    change: &Change,
    contents: &HashMap<Hash, Stored>,
    gone: &HashMap<Hash, GoneRecord>,
) -> Result<()> {
    let Some((hash, size)) = change.content() else { return Ok(()) };
    let known =
        contents.get(&hash).map(|stored| stored.size).or_else(|| gone.get(&hash).map(|gone| gone.size));
    if known != Some(size) || size < 0 {
        return Err(wrong("a content is missing, or has another size").with("content_hash", hash.to_hex()));
    }
    match change {
        Change::Put { path, mode: Mode::Symlink, .. } if gone.contains_key(&hash) => {
            Err(wrong("the target of a symlink is gone")
                .with("file_path", path.as_str())
                .with("content_hash", hash.to_hex()))
        }
        _ => Ok(()),
    }
}

/// The bundles with their operations, if they are one chain that ends where the project stands.
fn chained(
    project: &ProjectRecord,
    bundles: Vec<(BundleRecord, Option<String>)>,
    ops: Vec<(i64, usize, Hash, Change)>,
) -> Result<Vec<Imported>> {
    let mut ops = ops.into_iter().peekable();
    let mut checksum = Hash::ZERO;
    let mut chained = Vec::with_capacity(bundles.len());
    for (seq, (record, details)) in (1..).zip(bundles) {
        let BundleHeader { project_id, undoes_seq, .. } = record.header;
        if record.header.seq != seq {
            return Err(wrong("the bundles are not numbered without gaps").with("seq", seq));
        }
        let (mut checksums, mut changes) = (Vec::new(), Vec::new());
        while let Some((_, ordinal, checksum, change)) = ops.next_if(|(of, ..)| *of == seq) {
            checksums.push(checksum);
            changes.push(change);
            if ordinal != checksums.len() {
                return Err(wrong("operations are missing, or there twice").with("seq", seq));
            }
        }
        let is_whole = record.op_count == checksums.len()
            && project_id == project.project_id
            && record.prev_checksum == checksum
            && undoes_seq.is_none_or(|undoes| (1..seq).contains(&undoes));
        if !is_whole || chain::checksum(&checksum, &record.header, &checksums)? != record.checksum {
            return Err(wrong("a bundle does not match its checksum").with("seq", seq));
        }
        checksum = record.checksum;
        chained.push(Imported { record, details, changes });
    }
    if let Some((seq, ..)) = ops.next() {
        return Err(wrong("an operation has no bundle").with("seq", seq));
    }
    if project.seq != chained.len() as i64 || project.checksum != checksum {
        return Err(wrong("the log does not end where the project stands").with("seq", project.seq));
    }
    Ok(chained)
}

fn change(op: &Value) -> Result<Change> {
    let mut members = Members::of("op", op)?;
    let path = |members: &mut Members, key| FilePath::parse(members.str(key)?);
    let change = match members.str("op")? {
        "file.put" => Change::Put {
            path: path(&mut members, "file_path")?,
            file_type: members.str("file_type")?.to_owned(),
            mode: Mode::parse(members.str("mode")?)?,
            hash: Hash::parse("content_hash", members.str("content_hash")?)?,
            size: members.opt_i64("size")?.unwrap_or(-1),
        },
        "file.delete" => Change::Delete(path(&mut members, "file_path")?),
        "file.move" => Change::Move(path(&mut members, "from_path")?, path(&mut members, "to_path")?),
        "asset.put" | "asset.delete" => Change::Asset(asset(op)?),
        "snapshot.ready" => Change::Nothing,
        name @ ("field.set" | "field.unset" | "entity.delete") => {
            let entity = EntityKey::parse(members.str("entity_type")?, members.str("entity_id")?)?;
            Change::Field(if name == "entity.delete" {
                FieldEdit::Delete { entity, base_seq: None }
            } else {
                let key = entity.field(members.str("field")?)?;
                let value = match name {
                    "field.set" => Some(value("value", members.value("value")?)?),
                    _ => None,
                };
                // It was logged even if it changed nothing.
                FieldEdit::Write { key, value, base_seq: None, always: true }
            })
        }
        unknown => return Err(wrong("an operation is not known here").with("op", shorten(unknown))),
    };
    if !matches!(change, Change::Asset(_) | Change::Nothing) {
        members.finish()?;
    }
    Ok(change)
}

fn asset(op: &Value) -> Result<AssetEdit> {
    match Op::parse("op", op)? {
        Op::AssetPut { content_hash, filename, media_type, asset_type, size } => Ok(AssetEdit::Put {
            hash: content_hash,
            source: Source::Copied(size),
            label: Label { filename, media_type, asset_type },
        }),
        Op::AssetDelete { content_hash, reason } => Ok(AssetEdit::Delete { hash: content_hash, reason }),
        _ => Err(wrong("an operation is not one of an asset")),
    }
}

/// The archive contradicts itself.
pub fn wrong(message: &str) -> Error {
    Error::new(Code::Invariant, format!("the export is not sound: {message}"))
}

fn at_most(count: usize, most: usize, what: &str) -> Result<()> {
    if count <= most { Ok(()) } else { Err(Error::limit(format!("the export has too many {what}"), most)) }
}

fn parse<'b, T: Deserialize<'b>>(path: &str, line: usize, bytes: &'b [u8]) -> Result<T> {
    let unreadable = |reason: &str| wrong(&format!("{} line {line}: {}", shorten(path), shorten(reason)));
    if has_more_values(bytes, MAX_LINE_VALUES) {
        return Err(Error::limit("a line of the export has too many JSON values", MAX_LINE_VALUES)
            .with("file", shorten(path))
            .with("line", line));
    }
    if has_nul(bytes) {
        return Err(unreadable("it has a text with a NUL, which PostgreSQL cannot hold"));
    }
    serde_json::from_slice(bytes).map_err(|error| unreadable(&error.to_string()))
}

/// The text of a part of a line, unless it is too long.
fn short(part: &RawValue, most: usize) -> Result<&str> {
    let text = part.get();
    if text.len() > most {
        return Err(Error::limit("a part of the export's history is too long", most));
    }
    Ok(text)
}

/// A part of a line as a tree, which takes many times its memory: only of parts as long as an operation may be.
fn tree(part: &RawValue) -> Result<Value> {
    serde_json::from_str(short(part, MAX_OP_BYTES)?).map_err(|error| {
        wrong(&format!("a part of its history cannot be read: {}", shorten(&error.to_string())))
    })
}

/// Whether a JSON text has more values than so many, told without making any of them.
fn has_more_values(json: &[u8], most: usize) -> bool {
    // Each takes at least its own byte and one before it.
    if json.len() / 2 < most {
        return false;
    }
    let (mut values, mut is_text, mut is_escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b',' | b'[' | b'{' if !is_text => values += 1,
            _ => {}
        }
    }
    values > most
}

/// Whether a text in a JSON text has a NUL, which can only be written as an escape.
fn has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = memchr(b'\\', rest) {
        rest = &rest[at + 1..];
        if rest.starts_with(b"u0000") {
            return true;
        }
        // What is escaped, which may be a backslash itself.
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}
