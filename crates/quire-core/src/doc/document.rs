//! What bytes of a whole document claim, counted before Automerge loads them.
//!
//! Such bytes are one chunk after the other: documents, changes, deflated changes, bundles. Columns of documents and bundles may each
//! be deflated; they are inflated here once to be counted, and thrown away.

use super::change::{ChunkType, DocChange, DocChunk, inflate};
use super::columns::{Bounds, ChunkReader, Claims, Spec, claims, list};
use super::{DocLimits, malformed};
use crate::error::Result;
use crate::interrupt;

const WHAT: &str = "document is malformed";

/// What was counted so far, against the limits of all of it.
struct Price<'a> {
    limits: &'a DocLimits,
    bytes: usize,
    ops: usize,
    memory: usize,
}

/// Counts what the chunks of a document claim, and makes room for it. Gives back how many bytes they are inflated.
///
/// Errors: `LimitError` over a limit; `ValidationError` when a chunk is none.
pub(super) fn price(bytes: &[u8], limits: &DocLimits) -> Result<usize> {
    limits.bytes(bytes.len())?;
    let mut price = Price { limits, bytes: 0, ops: 0, memory: 0 };
    let mut rest = bytes;
    if rest.is_empty() {
        return Err(malformed(WHAT, "it is empty"));
    }
    while !rest.is_empty() {
        interrupt::check()?;
        let (chunk, behind) = DocChunk::split(WHAT, rest)?;
        rest = behind;
        match chunk.kind {
            // Decoded one by one here, which is no more work than loading them.
            ChunkType::Change | ChunkType::Deflated => {
                let change = DocChange::read(chunk.bytes, limits)?;
                price.add(change.bytes().len(), change.ops(), change.bytes().len())?;
            }
            ChunkType::Document => price.document(chunk.content)?,
            ChunkType::Bundle => price.bundle(chunk.content)?,
        }
    }
    interrupt::room(price.memory.saturating_add(price.bytes.saturating_mul(3)))?;
    Ok(price.bytes)
}

impl Price<'_> {
    fn add(&mut self, bytes: usize, ops: usize, memory: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        self.ops = self.ops.saturating_add(ops);
        self.memory = self.memory.saturating_add(memory);
        self.limits.bytes(self.bytes)?;
        DocLimits::at_most(
            "quire.max_doc_ops",
            self.limits.max_ops,
            "document has too many operations",
            self.ops,
        )
    }

    /// Actors, heads, lists of columns of changes and of operations, then what is in them, then places of the heads.
    fn document(&mut self, content: &[u8]) -> Result<()> {
        let mut reader = ChunkReader::new(WHAT, content);
        let actors = reader.actors()?;
        reader.hashes()?;
        // Together they fit; each list alone looks at what is behind it.
        let changes = list(&mut reader)?;
        let ops = list(&mut reader)?;
        self.columns(&mut reader, &changes, actors)?;
        let claims = self.columns(&mut reader, &ops, actors)?;
        self.add(0, claims.actions, 0)
    }

    /// Dependencies outside of it, actors, columns of changes and what is in them, columns of operations and what is in them.
    fn bundle(&mut self, content: &[u8]) -> Result<()> {
        let mut reader = ChunkReader::new(WHAT, content);
        reader.hashes()?;
        let actors = reader.actors()?;
        let changes = list(&mut reader)?;
        self.columns(&mut reader, &changes, actors)?;
        let ops = list(&mut reader)?;
        let claims = self.columns(&mut reader, &ops, actors)?;
        self.add(0, claims.actions, 0)
    }

    /// Inflates columns and counts what they claim.
    fn columns(
        &mut self,
        reader: &mut ChunkReader,
        columns: &[(Spec, usize)],
        actors: usize,
    ) -> Result<Claims> {
        let mut data = Vec::new();
        let mut inflated = Vec::with_capacity(columns.len());
        for (spec, length) in columns {
            let bytes = reader.take(*length)?;
            let most = self.limits.max_bytes.saturating_sub(self.bytes).saturating_sub(data.len());
            let length = if spec.is_deflated() {
                match inflate(WHAT, bytes, most, &mut data)? {
                    Some(length) => length,
                    None => {
                        return Err(self
                            .limits
                            .bytes(self.limits.max_bytes + 1)
                            .err()
                            .unwrap_or_else(|| reader.error("it is too large")));
                    }
                }
            } else {
                data.extend_from_slice(bytes);
                bytes.len()
            };
            inflated.push((*spec, length));
        }
        let text_bytes = self.limits.max_bytes.saturating_sub(self.bytes).saturating_sub(data.len());
        let bounds = Bounds { items: self.limits.max_ops, setting: "quire.max_doc_ops", text_bytes, actors };
        let claims = claims(WHAT, &inflated, &data, bounds)?;
        self.add(data.len().saturating_add(claims.text_bytes), 0, claims.memory())?;
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits};
    use super::*;
    use crate::error::Code;

    /// A document in each form that it has: one chunk, not deflated, changes, and a bundle.
    fn forms(dice: &mut Dice) -> Vec<Vec<u8>> {
        let mut document = edited(dice, 40);
        let hashes: Vec<_> = document.get_changes(&[]).iter().map(automerge::Change::hash).collect();
        let changes =
            document.get_changes(&[]).iter().flat_map(|change| change.raw_bytes().to_vec()).collect();
        let bundle = document.bundle(hashes).expect("bundles").bytes().to_vec();
        vec![document.save(), document.save_nocompress(), changes, bundle]
    }

    #[test]
    fn what_automerge_writes_has_a_price() {
        let mut dice = Dice::new();
        for _ in 0..10 {
            for bytes in forms(&mut dice) {
                price(&bytes, &limits()).expect("Automerge's own");
            }
        }
        assert!(price(b"", &limits()).is_err());
    }

    #[test]
    fn each_limit_stops_each_form() {
        let mut dice = Dice::new();
        for bytes in forms(&mut dice) {
            for limits in
                [DocLimits { max_ops: 3, ..limits() }, DocLimits { max_bytes: bytes.len() + 1, ..limits() }]
            {
                if limits.max_ops > 3 && price(&bytes, &limits).is_ok() {
                    // Not deflated, and no texts that repeat.
                    continue;
                }
                let error = price(&bytes, &limits).expect_err("over a limit");
                assert!(matches!(error.code(), Code::Limit | Code::Validation), "{error}");
            }
            assert!(price(&bytes, &DocLimits { max_bytes: bytes.len() - 1, ..limits() }).is_err());
        }
    }

    #[test]
    fn a_changed_byte_does_no_harm() {
        let mut dice = Dice::new();
        for bytes in forms(&mut dice) {
            for _ in 0..300 {
                let mut bytes = bytes.clone();
                let at = dice.throw(bytes.len());
                bytes[at] = dice.throw(256) as u8;
                if let Err(error) = price(&bytes, &limits()) {
                    assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}");
                }
            }
        }
    }
}
