//! Reading an export.

use super::line::{BundleLine, OpLine, TagLine, entity, parse, tree};
use super::outcome::{ExportOutcome, has_no_field, take_field};
use super::{
    AssetRecord, BLOBS, BundleRecord, FILES, FORMAT, FORMAT_VERSION, GoneRecord, HISTORY, PROJECT,
    ProjectRecord, TagRecord,
};
use crate::archive::Member;
use crate::chain::{self, BundleHeader};
use crate::content::is_binary;
use crate::error::{Code, Error, Result};
use crate::hash::Hash;
use crate::id::Seq;
use crate::interrupt;
use crate::json::canonical;
use crate::label::Label;
use crate::op::{Kept, Op, State, check_size};
use crate::path::FilePath;
use crate::settings::LARGEST_MAX_ASSET_BYTES;
use crate::text::shorten;
use crate::timestamp::parse_rfc3339;
use crate::value::value;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// Most bundles of one archive.
const MAX_BUNDLES: usize = 1_000_000;
/// Most operations.
const MAX_OPS: usize = 1_000_000;
/// Most bytes of the lines that are kept in memory.
const MAX_LINE_BYTES: usize = 512 << 20;
/// Most bytes of the record of the project.
const MAX_RECORD_BYTES: usize = 1 << 20;
/// What is known of entities that were read before.
const ENTITIES: &str = "history/entities";
/// Most tags.
const MAX_TAGS: usize = 100_000;

/// A bundle of the archive.
#[derive(Clone, PartialEq, Debug)]
pub struct Imported {
    /// Its record, without details.
    pub record: BundleRecord,
    /// Those, as JSON.
    pub details: Option<String>,
    /// Its operations, in order.
    pub ops: Vec<Op>,
}

/// A content of the archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImportedContent {
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
    pub contents: HashMap<Hash, ImportedContent>,
    /// What is known of contents that are named and not there, by hash.
    pub gone: HashMap<Hash, GoneRecord>,
}

impl Export {
    /// Every content that a file or an asset ever had.
    pub fn used(&self) -> impl Iterator<Item = Hash> {
        let ops = self.bundles.iter().flat_map(|bundle| &bundle.ops);
        ops.filter_map(Op::content).map(|(hash, _)| hash)
    }

    /// What a file of this content is like; of a content that is gone, too.
    pub fn describe(&self, hash: &Hash) -> Option<ImportedContent> {
        let gone =
            || self.gone.get(hash).map(|gone| ImportedContent { size: gone.size, is_binary: gone.is_binary });
        self.contents.get(hash).copied().or_else(gone)
    }

    /// The content of every symlink that ever was.
    pub fn links(&self) -> impl Iterator<Item = Hash> {
        self.bundles.iter().flat_map(|bundle| &bundle.ops).filter_map(Op::link)
    }
}

/// Takes the files of an archive, in any order.
#[derive(Default)]
pub struct Reader {
    project: Option<ProjectRecord>,
    bundles: Vec<(BundleRecord, Option<String>)>,
    ops: Vec<(Seq, usize, Hash, Op)>,
    tags: Vec<TagRecord>,
    contents: HashMap<Hash, ImportedContent>,
    gone: HashMap<Hash, GoneRecord>,
    /// What the archive says that it all leads to.
    outcome: ExportOutcome,
    /// Lines of entities, which are compared when it is known what the log makes of them.
    entities: Vec<Box<[u8]>>,
    field_count: usize,
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
            self.contents
                .insert(hash, ImportedContent { size: bytes.len() as i64, is_binary: is_binary(bytes) });
        } else if path == PROJECT {
            at_most(bytes.len(), MAX_RECORD_BYTES, "bytes in its record")?;
            self.project = Some(parse(path, 1, bytes)?);
        } else if let Some((what, _)) = path.strip_prefix(HISTORY).and_then(|rest| rest.split_once('/')) {
            match what {
                "bundles" => self.lines(path, bytes, |reader, line: BundleLine| {
                    reader.bundles.push(line.into_record()?);
                    at_most(reader.bundles.len(), MAX_BUNDLES, "bundles")
                })?,
                "operations" => self.lines(path, bytes, Self::take_op)?,
                "entities" => {
                    self.each_line(bytes, |reader, number, line| reader.take_entity(path, number, line))?
                }
                "assets" => self.lines(path, bytes, Self::take_asset)?,
                "gone" => self.lines(path, bytes, Self::take_gone)?,
                "tags" => self.lines(path, bytes, |reader, line: TagLine| {
                    reader.tags.push(line.into_record());
                    at_most(reader.tags.len(), MAX_TAGS, "tags")
                })?,
                _ => {}
            }
        }
        Ok(())
    }

    fn lines<T: DeserializeOwned>(
        &mut self,
        path: &str,
        bytes: &[u8],
        mut each: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        self.each_line(bytes, |reader, number, line| each(reader, parse(path, number, line)?))
    }

    fn each_line(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&mut Self, usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.line_bytes += bytes.len();
        at_most(self.line_bytes, MAX_LINE_BYTES, "bytes of history")?;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            interrupt::check()?;
            if !line.is_empty() {
                each(self, number, line)?;
            }
        }
        Ok(())
    }

    fn take_op(&mut self, line: OpLine) -> Result<()> {
        let OpLine { seq, ordinal, checksum, .. } = line;
        let op = tree(&line.op)?;
        if Hash::of(&canonical(&op)?) != checksum {
            return Err(wrong("an operation does not match its checksum")
                .with("seq", seq)
                .with("ordinal", ordinal));
        }
        if let Some(unknown) = op["op"].as_str().filter(|name| !Op::is_known(name)) {
            return Err(wrong("an operation is not known here").with("op", shorten(unknown)));
        }
        self.ops.push((seq, ordinal, checksum, Op::parse("op", &op)?));
        at_most(self.ops.len(), MAX_OPS, "operations")
    }

    fn take_entity(&mut self, path: &str, number: usize, line: &[u8]) -> Result<()> {
        entity(path, number, line, |_, json| {
            interrupt::check()?;
            self.field_count += 1;
            at_most(self.field_count, MAX_OPS, "fields")?;
            value("value", &tree(json)?).map(drop)
        })?;
        self.entities.push(line.into());
        Ok(())
    }

    fn take_asset(&mut self, record: AssetRecord) -> Result<()> {
        let label = Label::parse(&record.filename, &record.media_type, &record.asset_type)?;
        self.outcome.keep(record.content_hash, Kept { label, size: record.size });
        Ok(())
    }

    fn take_gone(&mut self, record: GoneRecord) -> Result<()> {
        check_size(record.size, LARGEST_MAX_ASSET_BYTES)?;
        if record.when.as_deref().is_some_and(|when| parse_rfc3339(when).is_none()) {
            return Err(wrong("a time cannot be read").with("content_hash", record.content_hash.to_hex()));
        }
        self.gone.insert(record.content_hash, record);
        Ok(())
    }

    /// Verifies everything.
    pub fn finish(self) -> Result<Export> {
        let Reader { project, mut bundles, mut ops, tags, contents, mut gone, outcome, entities, .. } = self;
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
        let mut state = State::default();
        for Imported { record, ops, .. } in &bundles {
            for op in ops {
                interrupt::step()?;
                let sound = check_content(op, &contents, &gone)
                    .and_then(|()| state.apply(record.header.seq, op).map_err(|why| wrong(&why)));
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
        outcome.compare(&state, |hash| gone.contains_key(hash))?;
        for line in &entities {
            let of = entity(ENTITIES, 0, line, |_, _| interrupt::step())?;
            entity(ENTITIES, 0, line, |field, json| {
                interrupt::step()?;
                take_field(&mut state, &of.clone().field(field)?, &value("value", &tree(json)?)?)
            })?;
        }
        has_no_field(&state)?;
        if let Some(tag) = tags.iter().find(|tag| !(Seq::ZERO..=project.seq).contains(&tag.seq)) {
            return Err(wrong("a tag names a bundle that is not there").with("tag", shorten(&tag.tag)));
        }
        Ok(Export { project, bundles, tags, contents, gone })
    }
}

/// What a change names is there, or known to be gone. A symlink must be there: nobody could tell where it points to.
fn check_content(
    op: &Op,
    contents: &HashMap<Hash, ImportedContent>,
    gone: &HashMap<Hash, GoneRecord>,
) -> Result<()> {
    let Some((hash, size)) = op.content() else { return Ok(()) };
    let known =
        contents.get(&hash).map(|stored| stored.size).or_else(|| gone.get(&hash).map(|gone| gone.size));
    if known != Some(size) {
        return Err(wrong("a content is missing, or has another size").with("content_hash", hash.to_hex()));
    }
    if op.link().is_some() && gone.contains_key(&hash) {
        return Err(wrong("the target of a symlink is gone").with("content_hash", hash.to_hex()));
    }
    Ok(())
}

/// The bundles with their operations, if they are one chain that ends at the seq of the project.
fn chained(
    project: &ProjectRecord,
    bundles: Vec<(BundleRecord, Option<String>)>,
    ops: Vec<(Seq, usize, Hash, Op)>,
) -> Result<Vec<Imported>> {
    let mut ops = ops.into_iter().peekable();
    let mut checksum = Hash::ZERO;
    let mut chained = Vec::with_capacity(bundles.len());
    for (seq, (record, details)) in Seq::all().zip(bundles) {
        let BundleHeader { project_id, undoes_seq, .. } = record.header;
        interrupt::step()?;
        if record.header.seq != seq {
            return Err(wrong("the bundles are not numbered without gaps").with("seq", seq));
        }
        let (mut checksums, mut done) = (Vec::new(), Vec::new());
        while let Some((_, ordinal, checksum, op)) = ops.next_if(|(of, ..)| *of == seq) {
            checksums.push(checksum);
            done.push(op);
            if ordinal != checksums.len() {
                return Err(wrong("operations are missing, or there twice").with("seq", seq));
            }
        }
        let is_whole = record.op_count == checksums.len()
            && project_id == project.project_id
            && record.prev_checksum == checksum
            && undoes_seq.is_none_or(|undoes| (Seq::FIRST..seq).contains(&undoes));
        if !is_whole || chain::checksum(&checksum, &record.header, &checksums)? != record.checksum {
            return Err(wrong("a bundle does not match its checksum").with("seq", seq));
        }
        checksum = record.checksum;
        chained.push(Imported { record, details, ops: done });
    }
    if let Some((seq, ..)) = ops.next() {
        return Err(wrong("an operation has no bundle").with("seq", seq));
    }
    if project.seq != Seq::of_count(chained.len()) || project.checksum != checksum {
        return Err(wrong("the log does not end at the seq of the project").with("seq", project.seq));
    }
    Ok(chained)
}

/// The archive contradicts itself.
pub fn wrong(message: &str) -> Error {
    Error::new(Code::Invariant, format!("the export is not sound: {message}"))
}

fn at_most(count: usize, most: usize, what: &str) -> Result<()> {
    if count <= most { Ok(()) } else { Err(Error::limit(format!("the export has too many {what}"), most)) }
}
