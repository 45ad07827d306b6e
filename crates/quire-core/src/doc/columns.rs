//! What the columns of a chunk claim, counted without decoding them.
//!
//! Automerge keeps operations in columns that are run-length encoded: a few bytes claim any number of them. Here each run's header is
//! read, and nothing is made of it. The format: <https://automerge.org/automerge-binary-format-spec/>.

use super::malformed;
use crate::error::{Error, Result};
use crate::interrupt;
use std::collections::BTreeMap;

/// Most columns of one list. Automerge knows sixteen.
const MAX_COLUMNS: usize = 64;

/// Bytes that are read from their beginning.
pub(super) struct ChunkReader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> ChunkReader<'a> {
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn error(&self, why: &str) -> Error {
        malformed(self.what, why)
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or_else(|| self.error("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// An unsigned number (ULEB128).
    pub(super) fn number(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.error("a number is too large"))
    }

    /// A signed number (SLEB128).
    pub(super) fn signed(&mut self) -> Result<i64> {
        let mut number = 0i64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte != 0 && byte != 0x7f {
                break;
            }
            number |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let is_negative = byte & 0x40 != 0 && shift < 57;
                return Ok(if is_negative { number | -1 << (shift + 7) } else { number });
            }
        }
        Err(self.error("a number is too large"))
    }

    /// A number that is a length of memory or a count of things, at most `most`.
    pub(super) fn count(&mut self, most: usize) -> Result<usize> {
        let number = self.number()?;
        usize::try_from(number)
            .ok()
            .filter(|number| *number <= most)
            .ok_or_else(|| self.error("it claims more than it may"))
    }

    /// Bytes with their length before them.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8]> {
        let length = self.count(self.rest.len())?;
        self.take(length)
    }

    /// So many hashes of changes, with their number before them.
    pub(super) fn hashes(&mut self) -> Result<&'a [u8]> {
        let count = self.count(self.rest.len() / 32)?;
        self.take(count * 32)
    }

    /// So many identifiers of actors, with their number before them; says how many.
    pub(super) fn actors(&mut self) -> Result<usize> {
        let count = self.count(self.rest.len())?;
        for _ in 0..count {
            interrupt::step()?;
            self.prefixed()?;
        }
        Ok(count)
    }
}

/// How a column is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ColumnKind {
    Group,
    Actor,
    Integer,
    Delta,
    Boolean,
    String,
    ValueMeta,
    Value,
}

/// What a column is, as the list of columns says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spec(u32);

impl Spec {
    /// Which column, whatever its kind.
    pub(super) fn id(self) -> u32 {
        self.0 >> 4
    }

    pub(super) fn kind(self) -> ColumnKind {
        match self.0 & 7 {
            0 => ColumnKind::Group,
            1 => ColumnKind::Actor,
            2 => ColumnKind::Integer,
            3 => ColumnKind::Delta,
            4 => ColumnKind::Boolean,
            5 => ColumnKind::String,
            6 => ColumnKind::ValueMeta,
            _ => ColumnKind::Value,
        }
    }

    pub(super) fn is_deflated(self) -> bool {
        self.0 & 8 != 0
    }

    /// Its place in the list.
    fn order(self) -> u32 {
        self.0 & !8
    }
}

/// The list of columns: what each is and how long. None is there twice, and all of them fit into `reader` behind the list.
pub(super) fn list(reader: &mut ChunkReader) -> Result<Vec<(Spec, usize)>> {
    let count = reader.count(MAX_COLUMNS)?;
    let mut columns: Vec<(Spec, usize)> = Vec::with_capacity(count);
    let mut total = 0usize;
    for _ in 0..count {
        let number = reader.number()?;
        let spec = u32::try_from(number).map(Spec).map_err(|_| reader.error("a column is none"))?;
        let length = reader.count(reader.rest().len())?;
        if columns.last().is_some_and(|(before, _)| before.order() >= spec.order()) {
            return Err(reader.error("its columns are not in order"));
        }
        total = total.saturating_add(length);
        columns.push((spec, length));
    }
    if total > reader.rest().len() {
        return Err(reader.error("its columns are longer than it is"));
    }
    Ok(columns)
}

/// What the columns of a chunk may claim.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Items of a column, and of what it groups.
    pub(super) items: usize,
    /// The setting that bounds them.
    pub(super) setting: &'static str,
    /// Bytes of texts, each as often as it is repeated.
    pub(super) text_bytes: usize,
    /// Actors that are listed.
    pub(super) actors: usize,
}

/// What the columns of a chunk claim.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// The most items that a column has.
    pub(super) items: usize,
    /// Items of the column of actions.
    pub(super) actions: usize,
    /// Items that are grouped, as predecessors of operations are.
    pub(super) grouped: usize,
    /// Bytes of texts, each as often as it is repeated.
    pub(super) text_bytes: usize,
}

impl Claims {
    /// Bytes of memory that it takes to decode so much.
    pub(super) fn memory(&self) -> usize {
        let items = self.items.max(self.actions).saturating_mul(super::OP_MEMORY);
        items
            .saturating_add(self.grouped.saturating_mul(64))
            .saturating_add(self.text_bytes.saturating_mul(2))
    }
}

/// The column of actions.
const ACTIONS: (u32, ColumnKind) = (4, ColumnKind::Integer);

/// Counts what columns claim, of which `data` has the inflated bytes of each.
pub(super) fn claims(
    what: &'static str,
    columns: &[(Spec, usize)],
    mut data: &[u8],
    bounds: Bounds,
) -> Result<Claims> {
    let mut claims = Claims::default();
    let raw: BTreeMap<u32, usize> = columns
        .iter()
        .filter(|(spec, _)| spec.kind() == ColumnKind::Value)
        .map(|(spec, length)| (spec.id(), *length))
        .collect();
    for (spec, length) in columns {
        let (bytes, rest) = data
            .split_at_checked(*length)
            .ok_or_else(|| malformed(what, "its columns are longer than it is"))?;
        data = rest;
        let mut column = Column { reader: ChunkReader::new(what, bytes), bounds, items: 0, total: 0 };
        column.scan(spec.kind())?;
        claims.items = claims.items.max(column.items);
        match spec.kind() {
            ColumnKind::Group => claims.grouped = claims.grouped.max(column.total),
            ColumnKind::String => claims.text_bytes = claims.text_bytes.saturating_add(column.total),
            ColumnKind::ValueMeta if column.total > raw.get(&spec.id()).copied().unwrap_or_default() => {
                return Err(malformed(what, "its values are longer than it is"));
            }
            _ => {}
        }
        if (spec.id(), spec.kind()) == ACTIONS {
            claims.actions = column.items;
        }
    }
    if claims.grouped > bounds.items {
        return Err(bounds.too_many_items(claims.grouped));
    }
    if claims.text_bytes > bounds.text_bytes {
        let what = "document is too large: it repeats a text more often than quire.max_doc_bytes allows";
        return Err(Error::limit(what, bounds.text_bytes)
            .with("setting", "quire.max_doc_bytes")
            .with("size", claims.text_bytes));
    }
    Ok(claims)
}

impl Bounds {
    fn too_many_items(&self, items: impl Into<serde_json::Value>) -> Error {
        let what = if self.setting == "quire.max_doc_ops" { "document" } else { "change" };
        Error::limit(format!("{what} has too many operations: more than {} allows", self.setting), self.items)
            .with("setting", self.setting)
            .with("size", items)
    }
}

/// A column that is being counted.
struct Column<'a> {
    reader: ChunkReader<'a>,
    bounds: Bounds,
    items: usize,
    /// The sum of what its items stand for: members of groups, bytes of texts and values.
    total: usize,
}

impl Column<'_> {
    fn scan(&mut self, kind: ColumnKind) -> Result<()> {
        if kind == ColumnKind::Value {
            return Ok(());
        }
        while !self.reader.is_empty() {
            interrupt::step()?;
            if kind == ColumnKind::Boolean {
                let run = self.reader.number()?;
                self.add(run)?;
                continue;
            }
            match self.reader.signed()? {
                0 => {
                    let run = self.reader.number()?;
                    self.add(run)?;
                }
                run if run > 0 => {
                    self.add(run.unsigned_abs())?;
                    self.item(kind, run as usize)?;
                }
                run => {
                    self.add(run.unsigned_abs())?;
                    for _ in 0..run.unsigned_abs() {
                        interrupt::step()?;
                        self.item(kind, 1)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// So many items more.
    fn add(&mut self, run: u64) -> Result<()> {
        let items = usize::try_from(run).ok().and_then(|run| self.items.checked_add(run));
        match items.filter(|items| *items <= self.bounds.items) {
            Some(items) => self.items = items,
            None => return Err(self.bounds.too_many_items(run)),
        }
        Ok(())
    }

    /// An item that is there `times` times.
    fn item(&mut self, kind: ColumnKind, times: usize) -> Result<()> {
        let each = match kind {
            ColumnKind::Delta => {
                self.reader.signed()?;
                return Ok(());
            }
            ColumnKind::String => self.reader.prefixed()?.len() as u64,
            ColumnKind::Actor => {
                let actor = self.reader.number()?;
                if actor >= self.bounds.actors as u64 {
                    return Err(self.reader.error("it has an operation of an actor that it does not list"));
                }
                return Ok(());
            }
            ColumnKind::ValueMeta => self.reader.number()? >> 4,
            ColumnKind::Group | ColumnKind::Integer => self.reader.number()?,
            ColumnKind::Boolean | ColumnKind::Value => return Ok(()),
        };
        if kind != ColumnKind::Integer {
            let each = usize::try_from(each).unwrap_or(usize::MAX);
            self.total = self.total.saturating_add(each.saturating_mul(times));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { items: 1000, setting: "quire.max_doc_ops", text_bytes: 1000, actors: 2 };

    fn spec(id: u32, kind: u32) -> Spec {
        Spec(id << 4 | kind)
    }

    fn signed(number: i64) -> Vec<u8> {
        let (mut number, mut out) = (number, Vec::new());
        loop {
            let byte = (number & 0x7f) as u8;
            number >>= 7;
            if number == 0 && byte & 0x40 == 0 || number == -1 && byte & 0x40 != 0 {
                out.push(byte);
                return out;
            }
            out.push(byte | 0x80);
        }
    }

    fn unsigned(mut number: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while number > 0x7f {
            out.push(number as u8 & 0x7f | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
        out
    }

    fn claimed(columns: &[(Spec, Vec<u8>)]) -> Result<Claims> {
        let list: Vec<(Spec, usize)> = columns.iter().map(|(spec, bytes)| (*spec, bytes.len())).collect();
        let data: Vec<u8> = columns.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        claims("it", &list, &data, BOUNDS)
    }

    #[test]
    fn runs_are_counted_and_not_made() {
        let actions = [signed(600), unsigned(1), signed(-2), unsigned(1), unsigned(4)].concat();
        assert_eq!(claimed(&[(spec(4, 2), actions)]).expect("fits").actions, 602);
        for (kind, bytes) in [
            (2, [signed(1 << 40), unsigned(1)].concat()),
            (3, [signed(1001), signed(-1)].concat()),
            (2, [signed(0), unsigned(u64::MAX)].concat()),
            (4, unsigned(1 << 50)),
            (2, [signed(i64::MIN), unsigned(1)].concat()),
        ] {
            let error = claimed(&[(spec(4, kind), bytes)]).expect_err("claims too much");
            assert_eq!(error.code(), Code::Limit, "{kind}");
            assert_eq!(error.member("setting"), Some(&"quire.max_doc_ops".into()));
        }
    }

    #[test]
    fn what_repeats_is_counted_as_often_as_it_does() {
        let text = [signed(500), unsigned(3), b"abc".to_vec()].concat();
        let setting = |column| claimed(&[column]).map_err(|error| error.member("setting").cloned());
        assert_eq!(
            setting((spec(1, 5), text)),
            Err(Some("quire.max_doc_bytes".into())),
            "1500 bytes of texts"
        );
        let text = [signed(300), unsigned(3), b"abc".to_vec()].concat();
        assert_eq!(claimed(&[(spec(1, 5), text)]).expect("fits").text_bytes, 900);
        let groups = [signed(10), unsigned(101)].concat();
        assert_eq!(setting((spec(7, 0), groups)), Err(Some("quire.max_doc_ops".into())), "1010 in groups");
        let values = [signed(2), unsigned(4 << 4 | 6)].concat();
        assert!(claimed(&[(spec(5, 6), values.clone()), (spec(5, 7), vec![0; 7])]).is_err(), "8 bytes of 7");
        assert!(claimed(&[(spec(5, 6), values), (spec(5, 7), vec![0; 8])]).is_ok());
        let actors = [signed(2), unsigned(2)].concat();
        assert!(claimed(&[(spec(0, 1), actors)]).is_err(), "the third of two actors");
    }

    #[test]
    fn lists_are_in_order_and_fit() {
        let list = |bytes: &[u8]| super::list(&mut ChunkReader::new("it", bytes));
        assert_eq!(list(&[1, 0x42, 1, 9]).expect("fits"), [(spec(4, 2), 1)]);
        for wrong in [
            &[1, 0x42, 2, 9][..],
            &[2, 0x42, 0, 0x42, 0],
            &[2, 0x42, 0, 0x01, 0],
            &[65],
            &[1, 0x42],
            &[2, 0x4a, 0, 0x42, 0],
        ] {
            assert!(list(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_what_was_written(number in any::<u64>(), shift in 0u32..64) {
            let number = number >> shift;
            prop_assert_eq!(ChunkReader::new("it", &unsigned(number)).number(), Ok(number));
            for number in [number as i64, (number as i64).wrapping_neg()] {
                prop_assert_eq!(ChunkReader::new("it", &signed(number)).signed(), Ok(number));
            }
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u32..8) {
            if let Ok(claims) = claimed(&[(spec(4, kind), bytes)]) {
                prop_assert!(claims.items <= BOUNDS.items && claims.grouped <= BOUNDS.items);
            }
        }
    }
}
