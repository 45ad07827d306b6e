//! One change, read from bytes of anybody without loading a document.
//!
//! A chunk is `85 6f 4a 83`, four bytes of checksum, its type (1: a change, 2: a deflated one), its length, and its content: the hashes
//! of the changes it depends on, actor, seq in actor, number of the first operation, time, message, other actors, columns, and what a
//! later version appends. The hash is SHA-256 of type, length and content of the inflated chunk. The format:
//! <https://automerge.org/automerge-binary-format-spec/>.

use super::columns::{Bounds, ChunkReader, ColumnKind, Spec, claims, list};
use super::{ActorId, ChangeHash, DocLimits, guarded, malformed};
use crate::error::Result;
use crate::interrupt;
use flate2::bufread::DeflateDecoder;
use std::borrow::Cow;
use std::io::Read;
use std::num::NonZeroU64;

/// What every chunk begins with.
pub(super) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// Most bytes of an actor's identifier. Automerge itself makes 16.
pub const MAX_ACTOR_BYTES: usize = 128;
/// The highest number that an operation may have: Automerge counts in 32 bits.
const MAX_OP: u64 = u32::MAX as u64 - 1;
const WHAT: &str = "change is malformed";

/// The columns of a change. One that has another is of a later version, and would lose it where changes are packed.
const COLUMNS: [(u32, ColumnKind); 14] = [
    (0, ColumnKind::Actor),
    (0, ColumnKind::Integer),
    (1, ColumnKind::Actor),
    (1, ColumnKind::Delta),
    (1, ColumnKind::String),
    (3, ColumnKind::Boolean),
    (4, ColumnKind::Integer),
    (5, ColumnKind::ValueMeta),
    (5, ColumnKind::Value),
    (7, ColumnKind::Group),
    (7, ColumnKind::Actor),
    (7, ColumnKind::Delta),
    (9, ColumnKind::Boolean),
    (10, ColumnKind::String),
];

/// The types of chunks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ChunkType {
    Document,
    Change,
    Deflated,
    Bundle,
}

/// One chunk, cut out of what is before and after it.
pub(super) struct DocChunk<'a> {
    pub(super) kind: ChunkType,
    pub(super) checksum: &'a [u8],
    pub(super) content: &'a [u8],
    /// All of it.
    pub(super) bytes: &'a [u8],
}

impl<'a> DocChunk<'a> {
    /// The first chunk of `bytes`, and what is behind it.
    pub(super) fn split(what: &'static str, bytes: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let mut reader = ChunkReader::new(what, bytes);
        if reader.take(4)? != MAGIC {
            return Err(reader.error("it is not Automerge's"));
        }
        let checksum = reader.take(4)?;
        let kind = match reader.take(1)?[0] {
            0 => ChunkType::Document,
            1 => ChunkType::Change,
            2 => ChunkType::Deflated,
            3 => ChunkType::Bundle,
            _ => return Err(reader.error("its type is unknown")),
        };
        let content = reader.prefixed()?;
        let rest = reader.rest();
        Ok((Self { kind, checksum, content, bytes: &bytes[..bytes.len() - rest.len()] }, rest))
    }
}

/// Inflates at most `most` bytes more than are in `out`; `None` when there are more.
pub(super) fn inflate(
    what: &'static str,
    deflated: &[u8],
    most: usize,
    out: &mut Vec<u8>,
) -> Result<Option<usize>> {
    let mut decoder = DeflateDecoder::new(deflated);
    let mut buffer = vec![0; 32 << 10];
    let start = out.len();
    loop {
        interrupt::check()?;
        match decoder.read(&mut buffer) {
            Ok(0) => return Ok(Some(out.len() - start)),
            Ok(read) if out.len() - start + read > most => return Ok(None),
            Ok(read) => out.extend_from_slice(&buffer[..read]),
            Err(error) => return Err(malformed(what, error)),
        }
    }
}

/// Refuses an actor that has no name or too long a one.
pub(super) fn check_actor(what: &str, actor: &ActorId) -> Result<()> {
    let is_named = (1..=MAX_ACTOR_BYTES).contains(&actor.to_bytes().len());
    if is_named { Ok(()) } else { Err(malformed(what, "its actor has no name or too long a one")) }
}

/// Puts a number as the format has it (ULEB128).
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 & 0x7f | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A change that was read: its checksum is right, Automerge has decoded every operation, and writing it again gives the same bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct DocChange(automerge::Change);

impl DocChange {
    /// Reads one change and nothing else. What it claims is counted before anything is decoded.
    ///
    /// Errors: `LimitError` over a limit of `limits`; `ValidationError` when it is no change, its checksum is wrong, or it is not encoded
    /// as Automerge encodes it (it would have another hash after it was packed).
    pub fn read(bytes: &[u8], limits: &DocLimits) -> Result<Self> {
        limits.change_bytes(bytes.len())?;
        let (chunk, rest) = DocChunk::split(WHAT, bytes)?;
        if !rest.is_empty() {
            return Err(malformed(WHAT, "something is behind it"));
        }
        let raw = match chunk.kind {
            ChunkType::Change => Cow::Borrowed(bytes),
            ChunkType::Deflated => Cow::Owned(inflated(&chunk, limits)?),
            ChunkType::Document | ChunkType::Bundle => return Err(malformed(WHAT, "it is more than one")),
        };
        price(&raw, limits)?;
        guarded(WHAT, || {
            let change = automerge::Change::try_from(raw.as_ref()).map_err(|error| malformed(WHAT, error))?;
            interrupt::check()?;
            let change = Self::from_decoded(change, limits)?;
            let again = automerge::Change::from(change.0.decode());
            if again.hash() != change.hash() {
                return Err(malformed(WHAT, "it is not encoded as Automerge encodes it"));
            }
            Ok(change)
        })
    }

    /// What Automerge decoded from bytes that were priced. Its encoding is as good as that of whoever made it.
    pub(super) fn from_decoded(change: automerge::Change, limits: &DocLimits) -> Result<Self> {
        limits.change_bytes(change.raw_bytes().len())?;
        limits.change_ops(change.len())?;
        if change.raw_bytes().get(4..8) != Some(&change.hash().0[..4]) {
            return Err(malformed(WHAT, "its checksum is wrong"));
        }
        if change.seq() == 0 || change.start_op().get() + change.len() as u64 > MAX_OP {
            return Err(malformed(WHAT, "its numbers are out of range"));
        }
        check_actor(WHAT, change.actor_id())?;
        if change.deps().windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(malformed(WHAT, "its dependencies are not in order"));
        }
        Ok(Self(change))
    }

    /// A change without operations, which brings several heads together: `seq` is the actor's next, `start_op` one more than the
    /// highest number of an operation in the document ([`DocChange::max_op`]), `time` in the unit of the other changes (JavaScript:
    /// seconds).
    pub fn empty(
        actor: &ActorId,
        seq: u64,
        start_op: u64,
        deps: &super::heads::Heads,
        time: i64,
        message: Option<&str>,
    ) -> Result<Self> {
        let start_op =
            NonZeroU64::new(start_op).ok_or_else(|| malformed(WHAT, "operations count from one"))?;
        let change = automerge::ExpandedChange {
            operations: Vec::new(),
            actor_id: actor.clone(),
            hash: None,
            seq,
            start_op,
            time,
            message: message.filter(|message| !message.is_empty()).map(str::to_owned),
            deps: deps.as_slice().to_vec(),
            extra_bytes: Vec::new(),
            author: None,
        };
        guarded(WHAT, || Self::from_decoded(automerge::Change::from(change), &DocLimits::default()))
    }

    /// Its identity.
    pub fn hash(&self) -> ChangeHash {
        self.0.hash()
    }

    /// The changes that it was made upon, sorted.
    pub fn deps(&self) -> &[ChangeHash] {
        self.0.deps()
    }

    /// Who made it.
    pub fn actor(&self) -> &ActorId {
        self.0.actor_id()
    }

    /// How many changes of its actor there are up to it.
    pub fn seq(&self) -> u64 {
        self.0.seq()
    }

    /// How many operations it has.
    pub fn ops(&self) -> usize {
        self.0.len()
    }

    /// The number of its first operation.
    pub fn start_op(&self) -> u64 {
        self.0.start_op().get()
    }

    /// The number of its last operation; without operations, of the one before it.
    pub fn max_op(&self) -> u64 {
        self.start_op() + self.ops() as u64 - 1
    }

    /// When it was made, as its maker says. JavaScript counts seconds since 1970.
    pub fn time(&self) -> i64 {
        self.0.timestamp()
    }

    /// What its maker says about it.
    pub fn message(&self) -> Option<&str> {
        self.0.message()
    }

    /// Its bytes, not deflated: the same for every change of this hash.
    pub fn bytes(&self) -> &[u8] {
        self.0.raw_bytes()
    }

    pub(super) fn inner(&self) -> &automerge::Change {
        &self.0
    }
}

/// The chunk that a deflated one stands for.
fn inflated(chunk: &DocChunk, limits: &DocLimits) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    if inflate(WHAT, chunk.content, limits.max_change_bytes, &mut content)?.is_none() {
        limits.change_bytes(limits.max_change_bytes.saturating_add(1))?;
    }
    let mut raw = Vec::with_capacity(content.len() + 20);
    raw.extend_from_slice(&MAGIC);
    raw.extend_from_slice(chunk.checksum);
    raw.push(1);
    push_number(&mut raw, content.len() as u64);
    raw.extend_from_slice(&content);
    Ok(raw)
}

/// Counts what an inflated change claims, and makes room for it.
pub(super) fn price(raw: &[u8], limits: &DocLimits) -> Result<()> {
    let (chunk, _) = DocChunk::split(WHAT, raw)?;
    let mut reader = ChunkReader::new(WHAT, chunk.content);
    reader.hashes()?;
    reader.prefixed()?;
    reader.number()?;
    reader.number()?;
    reader.signed()?;
    reader.prefixed()?;
    let actors = reader.actors()? + 1;
    let columns = list(&mut reader)?;
    let is_known = |spec: &Spec| !spec.is_deflated() && COLUMNS.contains(&(spec.id(), spec.kind()));
    if !columns.iter().all(|(spec, _)| is_known(spec)) {
        return Err(reader.error("it has columns of a later version"));
    }
    let bounds = Bounds {
        items: limits.max_change_ops,
        setting: "quire.max_doc_change_ops",
        text_bytes: limits.max_bytes,
        actors,
    };
    let claims = claims(WHAT, &columns, reader.rest(), bounds)?;
    limits.change_ops(claims.actions)?;
    interrupt::room(claims.memory().saturating_add(raw.len().saturating_mul(3)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests_lib::{Dice, edited, limits};
    use super::*;
    use crate::error::Code;
    use automerge::transaction::{CommitOptions, Transactable};
    use automerge::{AutoCommit, ObjType, ROOT};

    fn first_of(document: &mut AutoCommit) -> automerge::Change {
        document.get_changes(&[]).remove(0)
    }

    /// A change of 40,000 characters, which is deflated when it is handed out.
    fn large() -> automerge::Change {
        let mut document = AutoCommit::new().with_actor(ActorId::from(b"somebody".as_slice()));
        let text = document.put_object(ROOT, "text", ObjType::Text).expect("puts");
        document.splice_text(&text, 0, 0, &"a long text. ".repeat(3000)).expect("splices");
        document.commit_with(CommitOptions::default().with_message("why").with_time(17));
        first_of(&mut document)
    }

    #[test]
    fn a_change_says_what_it_is() {
        let mut change = large();
        for bytes in [change.raw_bytes().to_vec(), change.bytes().to_vec()] {
            let read = DocChange::read(&bytes, &limits()).expect("reads");
            assert_eq!(read.hash(), change.hash());
            assert_eq!(read.bytes(), change.raw_bytes(), "whether it came deflated or not");
            assert_eq!((read.seq(), read.time(), read.message()), (1, 17, Some("why")));
            assert_eq!((read.ops(), read.start_op(), read.max_op()), (39_001, 1, 39_001));
            assert_eq!(read.actor().to_bytes(), b"somebody");
            assert!(read.deps().is_empty());
        }
    }

    #[test]
    fn limits_name_their_setting() {
        let mut change = large();
        let of_bytes = DocLimits { max_change_bytes: 5000, ..limits() };
        let of_ops = DocLimits { max_change_ops: 39_000, ..limits() };
        for (limits, setting) in
            [(of_bytes, "quire.max_doc_change_bytes"), (of_ops, "quire.max_doc_change_ops")]
        {
            for bytes in [change.raw_bytes().to_vec(), change.bytes().to_vec()] {
                let error = DocChange::read(&bytes, &limits).expect_err("over a limit");
                assert_eq!(error.code(), Code::Limit, "{error}");
                assert_eq!(error.member("setting"), Some(&setting.into()));
            }
        }
    }

    /// A chunk of this content, with the right checksum when it is a change at all.
    pub(in crate::doc) fn chunk(content: &[u8]) -> Vec<u8> {
        let mut chunk = MAGIC.to_vec();
        chunk.extend_from_slice(&[0; 4]);
        chunk.push(1);
        push_number(&mut chunk, content.len() as u64);
        chunk.extend_from_slice(content);
        if price(&chunk, &limits()).is_ok()
            && let Ok(Ok(change)) = std::panic::catch_unwind(|| automerge::Change::try_from(chunk.as_slice()))
        {
            chunk[4..8].copy_from_slice(&change.hash().0[..4]);
        }
        chunk
    }

    /// No dependency, an actor, seq 1, operation 1, time 0, no message, no other actor, and columns.
    fn with_columns(columns: &[(u8, &[u8])]) -> Vec<u8> {
        let mut content = vec![0, 2, 0xab, 0xcd, 1, 1, 0, 0, 0, columns.len() as u8];
        for (spec, bytes) in columns {
            content.extend_from_slice(&[*spec, bytes.len() as u8]);
        }
        content.extend(columns.iter().flat_map(|(_, bytes)| bytes.iter().copied()));
        content
    }

    /// `{"a": null}`: a key, one action of 1 (put), one value of nothing, no predecessors.
    const KEY: (u8, &[u8]) = (0x15, &[0x7f, 1, b'a']);
    const INSERT: (u8, &[u8]) = (0x34, &[1]);
    const ACTION: (u8, &[u8]) = (0x42, &[0x7f, 1]);
    const VALUE: (u8, &[u8]) = (0x56, &[0x7f, 0]);
    const PRED: (u8, &[u8]) = (0x70, &[0x7f, 0]);

    #[test]
    fn what_is_encoded_otherwise_is_refused() {
        let read = |columns: &[(u8, &[u8])]| DocChange::read(&chunk(&with_columns(columns)), &limits());
        let good = read(&[KEY, INSERT, ACTION, VALUE, PRED]).expect("as Automerge encodes it");
        assert_eq!(good.ops(), 1);
        // A run of one in place of a literal: Automerge reads it, and would write another hash.
        let run = (0x42, &[1u8, 1][..]);
        automerge::Change::try_from(chunk(&with_columns(&[KEY, INSERT, run, VALUE, PRED])).as_slice())
            .expect("decodes");
        assert_eq!(read(&[KEY, INSERT, run, VALUE, PRED]).expect_err("refused").code(), Code::Validation);
        // A column that nobody knows.
        let later = (0x82, &[0x7fu8, 1][..]);
        assert!(read(&[KEY, INSERT, ACTION, VALUE, PRED, later]).is_err());
    }

    #[test]
    fn a_few_bytes_do_not_claim_gigabytes() {
        let claim = |number: u64| {
            let mut claim = vec![0x80 | (number & 0x7f) as u8];
            push_number(&mut claim, number >> 7);
            claim
        };
        // A billion operations; a text of 900 million bytes, of which none is there.
        let runs = [claim(1_000_000_000), vec![1]].concat();
        let text = [vec![0x7f], claim(900_000_000)].concat();
        for columns in [
            vec![KEY, INSERT, (0x42, runs.as_slice()), VALUE, PRED],
            vec![(0x15, text.as_slice()), INSERT, ACTION, VALUE, PRED],
            vec![KEY, INSERT, ACTION, (0x56, text.as_slice()), PRED],
            vec![KEY, INSERT, ACTION, VALUE, (0x70, text.as_slice())],
        ] {
            let bytes = {
                let content = with_columns(&columns);
                let mut chunk = MAGIC.to_vec();
                chunk.extend_from_slice(&[0, 0, 0, 0, 1, content.len() as u8]);
                chunk.extend(content);
                chunk
            };
            let error = DocChange::read(&bytes, &limits()).expect_err("claims too much");
            assert!(matches!(error.code(), Code::Limit | Code::Validation), "{error}");
        }
        // Four megabytes of zeros, where one is allowed.
        let mut deflated = Vec::new();
        flate2::read::DeflateEncoder::new(std::io::repeat(0).take(4 << 20), flate2::Compression::fast())
            .read_to_end(&mut deflated)
            .expect("deflates");
        let mut bomb = MAGIC.to_vec();
        bomb.extend_from_slice(&[0, 0, 0, 0, 2]);
        push_number(&mut bomb, deflated.len() as u64);
        bomb.extend(deflated);
        let error = DocChange::read(&bomb, &limits()).expect_err("a bomb");
        assert_eq!(error.member("setting"), Some(&"quire.max_doc_change_bytes".into()));
    }

    #[test]
    fn every_kind_of_operation_is_read() {
        let mut dice = Dice::new();
        for _ in 0..20 {
            for change in edited(&mut dice, 30).get_changes(&[]) {
                let read = DocChange::read(change.raw_bytes(), &limits()).expect("Automerge's own");
                assert_eq!(read.hash(), change.hash());
            }
        }
    }

    #[test]
    fn a_changed_byte_is_refused() {
        let mut dice = Dice::new();
        let mut document = edited(&mut dice, 40);
        let change = document.get_changes(&[]).pop().expect("a change");
        for _ in 0..2000 {
            let mut bytes = change.raw_bytes().to_vec();
            let at = dice.throw(bytes.len());
            bytes[at] ^= 1 << dice.throw(8);
            let error = DocChange::read(&bytes, &limits()).expect_err("another change");
            assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}");
        }
        for length in 0..change.raw_bytes().len() {
            assert!(DocChange::read(&change.raw_bytes()[..length], &limits()).is_err());
        }
    }

    /// As above, with the checksum put right, so that all that comes after it is met.
    #[test]
    fn a_changed_byte_with_its_checksum_does_no_harm() {
        let mut dice = Dice::new();
        let mut document = edited(&mut dice, 40);
        let change = document.get_changes(&[]).pop().expect("a change");
        let (chunk_of, _) = DocChunk::split(WHAT, change.raw_bytes()).expect("a chunk");
        let mut accepted = 0;
        for _ in 0..1000 {
            let mut content = chunk_of.content.to_vec();
            for _ in 0..=dice.throw(3) {
                let at = dice.throw(content.len());
                content[at] = dice.throw(256) as u8;
            }
            match DocChange::read(&chunk(&content), &limits()) {
                Ok(read) => {
                    accepted += 1;
                    assert_eq!(DocChange::read(read.bytes(), &limits()), Ok(read));
                }
                Err(error) => {
                    assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}");
                }
            }
        }
        println!("{accepted} of 1000 are changes");
    }

    #[test]
    fn an_empty_change_brings_heads_together() {
        let heads = super::super::heads::Heads::new([ChangeHash([2; 32]), ChangeHash([1; 32])]);
        let actor = ActorId::from(b"server".as_slice());
        let change = DocChange::empty(&actor, 3, 12, &heads, 5, Some("merge")).expect("a change");
        assert_eq!((change.ops(), change.max_op(), change.seq()), (0, 11, 3));
        assert_eq!(change.deps(), heads.as_slice());
        assert_eq!(DocChange::read(change.bytes(), &limits()), Ok(change));
        assert!(DocChange::empty(&actor, 1, 0, &heads, 0, None).is_err());
    }
}
