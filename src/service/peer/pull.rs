//! `sync_pull`: whole bundles, checked before they go out.

use super::store::{self, More};
use crate::blob::{self, BlobState};
use crate::domain;
use crate::gate::Access;
use crate::ids::{ProjectId, Seq};
use crate::log::store::{head_seq, sound_mark_at};
use crate::service::recovery::{self, LoadedBundle};
use quire_core::chain::BundleHeader;
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;
use quire_core::json::{canonical, encode_base64};
use quire_core::mark::Mark;
use quire_core::op::Write;
use quire_core::peer::{SentOp, Standing};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// Most content one answer carries, in bytes; a bundle with more comes alone.
const MAX_CONTENT_BYTES: i64 = 32 << 20;
/// Largest content that travels, in bytes.
const MAX_SENT_BYTES: i64 = 64 << 20;
/// Most of one bundle that travels, as JSON: what a jsonb can hold, with room to spare.
const MAX_BUNDLE_BYTES: i64 = 240 << 20;
/// Most bundles in a row that a page passes.
const MAX_PASSED: usize = 10_000;
/// How many bundles are looked at, at once.
const BUNDLES_AT_ONCE: i64 = 100;

/// The next bundles after a place, without those that came from the peer itself, unless `all` are wanted.
pub fn pull(access: &Access, peer: &str, after: Seq, max_ops: i64, all: bool) -> Result<Value> {
    let project = access.project;
    let newest = head_seq(project)?;
    let from = sound_mark_at(project, after)?;
    let mut page = Page {
        bundles: Vec::new(),
        ops: 0,
        bytes: 0,
        checkpoint: after,
        mark: from.clone(),
        sent: (after, from.clone()),
        passed: Vec::new(),
    };
    let mut corrupt = Value::Null;
    while page.checkpoint < newest && page.has_room(max_ops) {
        pgrx::check_for_interrupts!();
        let (from, to) = (page.checkpoint, page.checkpoint.plus(BUNDLES_AT_ONCE).min(newest));
        let batch = Batch::load(project, from, to)?;
        for bundle in &batch.bundles {
            if !page.has_room(max_ops) {
                break;
            }
            if let Some(found) = recovery::check_bundle(access, bundle)? {
                corrupt = found;
                break;
            }
            let mark = Mark::of(&bundle.logged.checksum);
            let Some(origin) = batch.travels(peer, bundle, all)? else {
                page.pass(bundle.logged.header.seq, mark);
                continue;
            };
            let ops = batch.ops(bundle, origin)?;
            let hashes = batch.contents(project, bundle, origin)?;
            match batch.sent(project, bundle, origin, ops, &hashes) {
                Ok(sent) => {
                    if !page.take(sent, mark, max_ops) {
                        break;
                    }
                }
                Err(error) if error.code() == Code::Corrupt => {
                    corrupt = recovery::check_contents(access, &hashes)?;
                    break;
                }
                // What is too much for any page ends this one, and is refused when it is the next.
                Err(error) if error.code() == Code::Limit && !page.bundles.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        if !corrupt.is_null() || page.checkpoint < to {
            break;
        }
    }
    Ok(json!({
        "project_id": project.to_string(), "peer_id": peer, "after_seq": after, "after_checksum": from.as_str(),
        "checkpoint": page.checkpoint, "checkpoint_checksum": page.mark.as_str(),
        "has_more": page.checkpoint < newest, "bundles": page.bundles, "corrupt": corrupt
    }))
}

struct Page {
    bundles: Vec<Value>,
    ops: i64,
    bytes: i64,
    checkpoint: Seq,
    /// The mark there.
    mark: Mark,
    /// The last bundle in it, or where it begins.
    sent: (Seq, Mark),
    /// What came since and does not travel.
    passed: Vec<(Seq, Mark)>,
}

impl Page {
    /// Passes a bundle that does not travel.
    fn pass(&mut self, seq: Seq, mark: Mark) {
        (self.checkpoint, self.mark) = (seq, mark.clone());
        self.passed.push((seq, mark));
    }

    fn has_room(&self, max_ops: i64) -> bool {
        if self.passed.len() >= MAX_PASSED {
            return false;
        }
        self.bundles.is_empty() || self.ops < max_ops && self.bytes < MAX_CONTENT_BYTES
    }

    /// Adds a bundle, unless it is too much for a page that has one already.
    fn take(&mut self, mut sent: Sent, mark: Mark, max_ops: i64) -> bool {
        let is_too_much = self.ops + sent.ops > max_ops || self.bytes + sent.bytes > MAX_CONTENT_BYTES;
        if is_too_much && !self.bundles.is_empty() {
            return false;
        }
        self.ops += sent.ops;
        self.bytes += sent.bytes;
        (self.checkpoint, self.mark) = (sent.seq, mark.clone());
        let passed = std::mem::take(&mut self.passed);
        let (after_seq, after_mark) = std::mem::replace(&mut self.sent, (sent.seq, mark.clone()));
        sent.json["log"] = Standing { seq: sent.seq, mark, after_seq, after_mark, passed }.to_json();
        self.bundles.push(sent.json);
        true
    }
}

struct Sent {
    seq: Seq,
    ops: i64,
    bytes: i64,
    json: Value,
}

struct Batch {
    bundles: Vec<LoadedBundle>,
    more: HashMap<Seq, More>,
    written: HashMap<(Seq, i32), Vec<Write>>,
}

impl Batch {
    fn load(project: ProjectId, after: Seq, up_to: Seq) -> Result<Self> {
        let bundles = recovery::load_bundles(project, after, up_to)?;
        let written = domain::written(project, after, up_to)?;
        Ok(Self { bundles, more: store::more(project, after, up_to)?, written })
    }

    /// What is known of where a bundle was made, `null` when that was here; `None` when it does not travel.
    fn travels(&self, peer: &str, bundle: &LoadedBundle, all: bool) -> Result<Option<&Value>> {
        const HERE: &Value = &Value::Null;
        let more = self.more(bundle.logged.header.seq)?;
        let origin = more.details.as_ref().and_then(|details| details.get("origin")).unwrap_or(HERE);
        let is_from_peer = origin["peer"].as_str() == Some(peer);
        let stays = bundle.logged.header.kind == "system" || is_from_peer && !all;
        Ok((!stays).then_some(origin))
    }

    fn more(&self, seq: Seq) -> Result<&More> {
        self.more.get(&seq).ok_or_else(|| Error::internal("a bundle is gone"))
    }

    /// The operations of a bundle as they travel: as they came, or as they were made here.
    fn ops(&self, bundle: &LoadedBundle, origin: &Value) -> Result<Value> {
        if let Some(ops) = origin.get("ops") {
            return Ok(ops.clone());
        }
        let seq = bundle.logged.header.seq;
        let stored = bundle.ops.iter().filter_map(|stored| Some((stored.ordinal, stored.op.clone()?)));
        let sent = stored.map(|(ordinal, op)| SentOp { op, writes: self.writes(seq, ordinal).to_vec() });
        sent.map(|sent| sent.to_json()).collect()
    }

    fn writes(&self, seq: Seq, ordinal: i32) -> &[Write] {
        self.written.get(&(seq, ordinal)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The contents that a bundle is sent with. Those of moved files, too: whoever had a later file in the place it left
    /// does not have it. Of what came from elsewhere, some may never have been kept here.
    fn contents(&self, project: ProjectId, bundle: &LoadedBundle, origin: &Value) -> Result<Vec<Hash>> {
        let seq = bundle.logged.header.seq;
        let may_travel = |(hash, size): (Hash, i64)| (size <= MAX_SENT_BYTES).then_some(hash);
        let writes = bundle.ops.iter().flat_map(|stored| self.writes(seq, stored.ordinal));
        let mut own: BTreeSet<Hash> =
            writes.filter_map(|write| write.change.content()).filter_map(may_travel).collect();
        let mut others = Vec::new();
        // What was made here names nothing but what it wrote.
        for sent in origin.get("ops").and_then(Value::as_array).into_iter().flatten() {
            let named = SentOp::parse("an operation", sent)?.writes;
            let named = named.iter().filter_map(|write| write.change.content()).filter_map(may_travel);
            others.extend(named.filter(|hash| !own.contains(hash)));
        }
        if !others.is_empty() {
            own.extend(blob::store::existing(project, &others)?);
        }
        Ok(own.into_iter().collect())
    }

    /// A bundle as it travels.
    fn sent(
        &self,
        project: ProjectId,
        bundle: &LoadedBundle,
        origin: &Value,
        ops: Value,
        hashes: &[Hash],
    ) -> Result<Sent> {
        let seq = bundle.logged.header.seq;
        let more = self.more(seq)?;
        let mut json = match origin {
            Value::Null => json!({
                "header": header(&bundle.logged.header)?, "prev_checksum": bundle.logged.previous.to_hex(),
                "checksum": bundle.logged.checksum.to_hex(), "undoes_bundle_id": more.undoes,
                "undoes_made_as": more.undoes_made_as, "display_name": more.display_name
            }),
            _ => json!({
                "header": origin["header"], "prev_checksum": origin["prev_checksum"], "checksum": origin["checksum"],
                "undoes_bundle_id": origin["undoes_bundle_id"], "undoes_made_as": origin["undoes_made_as"],
                "display_name": origin["display_name"]
            }),
        };
        let mut bytes = ops.to_string().len() as i64;
        check_size(seq, bytes + store::present_bytes(project, hashes)? / 3 * 4)?;
        // What is archived or collected does not travel, nor what no JSON could hold.
        let (present, gone) = blob::store::read_present(project, hashes)?;
        if let Some((hash, stored)) = gone.iter().find(|(_, stored)| stored.state == BlobState::Quarantined) {
            return Err(stored.gone(hash));
        }
        let contents: Vec<Value> = present
            .into_iter()
            .map(|(hash, content)| {
                bytes += content.len() as i64;
                json!({"content_hash": hash.to_hex(), "content_base64": encode_base64(&content)})
            })
            .collect();
        json["seq"] = seq.into();
        json["contents"] = contents.into();
        let count = ops.as_array().map_or(0, Vec::len) as i64;
        json["ops"] = ops;
        Ok(Sent { seq, ops: count, bytes, json })
    }
}

/// A bundle that no jsonb could hold has to come another way.
fn check_size(seq: Seq, bytes: i64) -> Result<()> {
    if bytes <= MAX_BUNDLE_BYTES {
        return Ok(());
    }
    Err(Error::limit(
        format!("bundle {seq} has {bytes} bytes, more than can travel at once"),
        MAX_BUNDLE_BYTES,
    )
    .with("seq", seq)
    .hint("bring the whole project over with pg_dump; sync_ack then says that the peer has this bundle"))
}

/// A header, in the members the chain is made of.
pub fn header(header: &BundleHeader) -> Result<Value> {
    serde_json::from_slice(&canonical(header)?).map_err(|_| Error::internal("a header has no JSON form"))
}
