//! Bundles on their way between two databases that hold the same project.
//!
//! A bundle travels with the header, the checksums and the operations it had where it was made, so whoever gets it can
//! recompute its checksum. Two databases agree because each thing (a path, a field) becomes what the write with the
//! greatest stamp says: the time of its bundle, and the bundle's id where times are equal. A database never commits
//! with a smaller time than it has seen, so a write made in knowledge of another always has the greater stamp.

use crate::chain::{BundleHeader, checksum};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::id::{BundleId, Seq};
use crate::json::{Members, decode_base64};
use crate::mark::Mark;
use crate::op::{Op, Write};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Time of a bundle where it was made, and its id.
pub type Stamp = (i64, BundleId);

/// The place of a bundle in the log of whoever sends it, and after what of that log it is to be applied.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// Its seq there.
    pub seq: Seq,
    /// The mark of that log at it.
    pub mark: Mark,
    /// Up to where whoever gets it must have that log.
    pub after_seq: Seq,
    /// The mark there.
    pub after_mark: Mark,
    /// What is between the two and does not travel: seqs, rising, and the marks there.
    pub passed: Vec<(Seq, Mark)>,
}

impl Standing {
    /// As JSON.
    pub fn to_json(&self) -> Value {
        let passed = self.passed.iter().map(|(seq, mark)| json!([seq, mark.as_str()]));
        json!({
            "seq": self.seq, "checksum": self.mark.as_str(), "after_seq": self.after_seq,
            "after_checksum": self.after_mark.as_str(), "passed": passed.collect::<Vec<_>>()
        })
    }

    /// The mark of the sender's log at a seq, if it is given.
    pub fn mark_at(&self, seq: Seq) -> Option<&Mark> {
        if seq == self.seq {
            return Some(&self.mark);
        }
        if seq == self.after_seq {
            return Some(&self.after_mark);
        }
        self.passed.iter().find(|(passed, _)| *passed == seq).map(|(_, mark)| mark)
    }

    fn parse(what: &str, value: &Value) -> Result<Self> {
        let mut members = Members::of(what, value)?;
        let passed =
            members.value("passed")?.as_array().ok_or_else(|| members.wrong("passed", "an array"))?;
        fn place(value: &Value) -> Option<(Seq, &str)> {
            let [seq, mark] = value.as_array()?.as_slice() else { return None };
            seq.as_i64().map(Seq).zip(mark.as_str())
        }
        let passed = passed
            .iter()
            .map(|value| {
                let (seq, mark) =
                    place(value).ok_or_else(|| members.wrong("passed", "an array of [seq, checksum]"))?;
                Ok((seq, Mark::parse("checksum", mark)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let standing = Self {
            passed,
            seq: members.seq("seq")?,
            mark: Mark::parse("checksum", members.str("checksum")?)?,
            after_seq: members.seq("after_seq")?,
            after_mark: Mark::parse("after_checksum", members.str("after_checksum")?)?,
        };
        members.finish()?;
        if standing.after_seq < Seq::ZERO || standing.after_seq >= standing.seq {
            return Err(Error::validation(format!("{what}.after_seq must be from 0 and before its seq")));
        }
        Ok(standing)
    }
}

/// A bundle as it travels.
#[derive(Clone, PartialEq, Debug)]
pub struct Bundle {
    /// Its place in the sender's log; `None` when nobody says.
    pub standing: Option<Standing>,
    /// As it was made.
    pub header: BundleHeader,
    /// Checksum of the one before, where it was made.
    pub previous: Hash,
    /// Its checksum, where it was made.
    pub checksum: Hash,
    /// What its author is called.
    pub display_name: Option<String>,
    /// The bundle it takes back.
    pub undoes: Option<BundleId>,
    /// The seq of that one where it was made, by which it is found there.
    pub undoes_made_as: Option<Seq>,
    /// What it does.
    pub ops: Vec<SentOp>,
    /// Contents that its operations name.
    pub contents: HashMap<Hash, Vec<u8>>,
}

/// An operation as it travels: with the bundles that made what it changes what it was.
#[derive(Clone, PartialEq, Debug)]
pub struct SentOp {
    /// What it does.
    pub op: Op,
    /// What it changes, each with the bundle its author had seen there.
    pub writes: Vec<Write>,
}

impl SentOp {
    /// As JSON, to be handed on.
    pub fn to_json(&self) -> Result<Value> {
        let mut json = json!({"op": self.op.form()?});
        self.op.add_writes(&mut json, &self.writes);
        Ok(json)
    }

    /// From JSON.
    pub fn parse(what: &str, value: &Value) -> Result<Self> {
        let mut members = Members::of(what, value)?;
        let op = Op::parse(&format!("{what}.op"), members.value("op")?)?;
        let writes = op.parse_writes(what, &mut members)?;
        members.finish()?;
        Ok(Self { op, writes })
    }
}

impl Bundle {
    /// From JSON; 22023 when it has not the shape of one.
    pub fn parse(what: &str, value: &Value) -> Result<Self> {
        let mut members = Members::of(what, value)?;
        members.opt("seq");
        let header = header(&format!("{what}.header"), members.value("header")?)?;
        let standing = members.opt("log").map(|log| Standing::parse(&format!("{what}.log"), log));
        let bundle = Self {
            standing: standing.transpose()?,
            header,
            previous: hash(&mut members, "prev_checksum")?,
            checksum: hash(&mut members, "checksum")?,
            display_name: members.opt_str("display_name")?.map(str::to_owned),
            undoes: members.opt_uuid("undoes_bundle_id")?,
            undoes_made_as: members.opt_seq("undoes_made_as")?,
            ops: members.list("ops", |at, op| SentOp::parse(&format!("{what}.ops[{at}]"), op))?,
            contents: members
                .list("contents", |at, value| content(&format!("{what}.contents[{at}]"), value))?
                .into_iter()
                .collect(),
        };
        members.finish()?;
        Ok(bundle)
    }

    /// Its stamp.
    pub fn stamp(&self) -> Stamp {
        (self.header.committed_at, self.header.bundle_id)
    }

    /// What is wrong with it, if its checksums do not hold.
    pub fn fault(&self) -> Result<Option<String>> {
        let ops = self.ops.iter().map(|sent| sent.op.checksum()).collect::<Result<Vec<Hash>>>()?;
        if checksum(&self.previous, &self.header, &ops)? != self.checksum {
            return Ok(Some("the bundle does not have its checksum".to_owned()));
        }
        let fits = |(hash, size): &(Hash, i64)| {
            self.contents.get(hash).is_none_or(|bytes| bytes.len() as i64 == *size)
        };
        if let Some((hash, _)) = self.ops.iter().filter_map(|sent| sent.op.content()).find(|it| !fits(it)) {
            return Ok(Some(format!("content {} has another size", hash.to_hex())));
        }
        let wrong = self.contents.iter().find(|(hash, bytes)| Hash::of(bytes) != **hash);
        Ok(wrong.map(|(hash, _)| format!("content {} does not have its hash", hash.to_hex())))
    }
}

fn hash(members: &mut Members, key: &'static str) -> Result<Hash> {
    Hash::from_hex(members.str(key)?).ok_or_else(|| members.wrong(key, "64 hex digits"))
}

/// A bundle's header, in the members the chain is made of.
pub fn header(what: &str, value: &Value) -> Result<BundleHeader> {
    let mut members = Members::of(what, value)?;
    let header = BundleHeader {
        project_id: members.uuid("project_id")?,
        seq: members.seq("seq")?,
        bundle_id: members.uuid("bundle_id")?,
        kind: members.str("kind")?.to_owned(),
        actor_id: members.uuid("actor_id")?,
        message: members.opt_str("message")?.map(str::to_owned),
        correlation_id: members.opt_uuid("correlation_id")?,
        base_seq: members.opt_seq("base_seq")?,
        undoes_seq: members.opt_seq("undoes_seq")?,
        committed_at: members.i64("committed_at")?,
    };
    members.finish()?;
    Ok(header)
}

fn content(what: &str, value: &Value) -> Result<(Hash, Vec<u8>)> {
    let mut members = Members::of(what, value)?;
    let content = (hash(&mut members, "content_hash")?, decode_base64(members.str("content_base64")?)?);
    members.finish()?;
    Ok(content)
}

/// What is to become of a thing that an incoming bundle writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerVerdict {
    /// The incoming write decides.
    pub wins: bool,
    /// Its author did not know what it is here.
    pub is_conflict: bool,
}

/// Judges an incoming write by the stamp of what is here, if there is something, and whether both are equal.
pub fn judge(here: Option<Stamp>, incoming: Stamp, base: Option<BundleId>, is_equal: bool) -> PeerVerdict {
    match here {
        None => PeerVerdict { wins: true, is_conflict: false },
        Some(here) => PeerVerdict {
            wins: incoming > here,
            is_conflict: !is_equal && base != Some(here.1) && incoming.1 != here.1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    /// A database of one field: what it is, and everything written to it.
    #[derive(Default, Clone)]
    struct Side {
        value: Option<(Stamp, u8)>,
        clock: i64,
        log: Vec<(Stamp, Option<BundleId>, u8)>,
        known: BTreeMap<BundleId, ()>,
    }

    impl Side {
        fn write(&mut self, id: u128, at: i64, value: u8) {
            self.clock = at.max(self.clock + 1);
            let stamp = (self.clock, BundleId(Uuid::from_u128(id)));
            self.log.push((stamp, self.value.map(|(stamp, _)| stamp.1), value));
            self.known.insert(stamp.1, ());
            self.value = Some((stamp, value));
        }

        fn receive(&mut self, other: &Side, from: usize, to: usize) {
            for (stamp, base, value) in &other.log[from.min(to)..to] {
                if self.known.insert(stamp.1, ()).is_some() {
                    continue;
                }
                self.clock = self.clock.max(stamp.0);
                let is_equal = self.value.is_some_and(|(_, here)| here == *value);
                if judge(self.value.map(|(stamp, _)| stamp), *stamp, *base, is_equal).wins {
                    self.value = Some((*stamp, *value));
                }
                self.log.push((*stamp, *base, *value));
            }
        }
    }

    proptest! {
        /// However writes, exchanges, cuts and repeats interleave, and however clocks differ: in the end both are equal.
        #[test]
        fn two_sides_converge(steps in prop::collection::vec((0u8..4, 0i64..50, 0u8..4, 0usize..8), 1..60)) {
            let mut sides = [Side::default(), Side::default()];
            for (id, (kind, at, value, cut)) in (1u128..).zip(steps) {
                match kind {
                    0 | 1 => sides[kind as usize].write(id, at, value),
                    _ => {
                        let (to, from) = (usize::from(kind == 3), usize::from(kind == 2));
                        let other = sides[from].clone();
                        // Whole, or cut off somewhere, from the beginning: what is known is left out.
                        let end = other.log.len().saturating_sub(cut / 2);
                        sides[to].receive(&other, 0, end);
                    }
                }
            }
            for _ in 0..2 {
                for (to, from) in [(0, 1), (1, 0)] {
                    let other = sides[from].clone();
                    sides[to].receive(&other, 0, other.log.len());
                }
            }
            prop_assert_eq!(sides[0].value, sides[1].value);
        }
    }

    #[test]
    fn an_operation_comes_back_as_it_was_sent() {
        let hash = Hash::of(b"a").to_hex();
        let [first, second] = [1, 2].map(|id| BundleId(Uuid::from_u128(id)));
        let moved = json!({"content_hash": hash, "file_type": "md", "mode": "100644", "size": 1});
        for sent in [
            json!({"op": {"op": "file.put", "file_path": "a", "file_type": "md", "mode": "100644", "content_hash": hash, "size": 1},
                "base": first}),
            json!({"op": {"op": "file.delete", "file_path": "a"}, "base": null}),
            json!({"op": {"op": "file.move", "from_path": "a", "to_path": "b"}, "from_base": first, "base": second,
                "moved": moved}),
            json!({"op": {"op": "entity.delete", "entity_type": "note", "entity_id": "1"},
                "fields": [{"field": "a", "base": first}, {"field": "b", "base": null}]}),
            json!({"op": {"op": "asset.delete", "content_hash": hash, "reason": "old"}, "base": first}),
        ] {
            assert_eq!(SentOp::parse("op", &sent).unwrap().to_json().unwrap(), sent);
        }
    }

    #[test]
    fn who_knew_what_is_here_is_in_no_conflict() {
        let here = (5, BundleId(Uuid::from_u128(1)));
        let judge =
            |at, base, is_equal| judge(Some(here), (at, BundleId(Uuid::from_u128(2))), base, is_equal);
        assert_eq!(judge(6, Some(here.1), false), PeerVerdict { wins: true, is_conflict: false });
        assert_eq!(judge(6, None, false), PeerVerdict { wins: true, is_conflict: true });
        assert_eq!(judge(4, None, false), PeerVerdict { wins: false, is_conflict: true });
        assert_eq!(judge(4, None, true), PeerVerdict { wins: false, is_conflict: false });
    }
}
