//! `sync_pull`: whole bundles, checked before they go out.

use super::store::{self, Base, More};
use crate::auth::Access;
use crate::blob::{self, State};
use crate::bundle::store::head_seq;
use crate::error::{Code, Error, Result};
use crate::ids::{ProjectId, Seq};
use crate::pure::chain::BundleHeader;
use crate::pure::hash::Hash;
use crate::pure::json::{canonical, encode_base64};
use crate::pure::op::Op;
use crate::pure::peer::op_to_json;
use crate::recovery::{self, LoadedBundle};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// Most content one answer carries, in bytes; a bundle with more comes alone.
const MAX_CONTENT_BYTES: i64 = 32 << 20;
/// Largest content that travels, in bytes.
const MAX_SENT_BYTES: i64 = 64 << 20;
/// How many bundles are looked at, at once.
const BUNDLES_AT_ONCE: Seq = 100;

/// The next bundles after a seq, without those that came from the peer itself, unless `all` are wanted.
pub fn pull(access: &Access, peer: &str, after: Seq, max_ops: i64, all: bool) -> Result<Value> {
    let project = access.project;
    let newest = head_seq(project)?;
    let mut page = Page { bundles: Vec::new(), ops: 0, bytes: 0, checkpoint: after };
    let mut corrupt = Value::Null;
    while page.checkpoint < newest && page.has_room(max_ops) {
        pgrx::check_for_interrupts!();
        let (from, to) = (page.checkpoint, (page.checkpoint + BUNDLES_AT_ONCE).min(newest));
        let batch = Batch::load(project, from, to)?;
        for bundle in &batch.bundles {
            if !page.has_room(max_ops) {
                break;
            }
            if let Some(found) = recovery::check_bundle(access, bundle)? {
                corrupt = found;
                break;
            }
            match batch.sent(project, peer, bundle, all) {
                Ok(Some(sent)) => {
                    if !page.take(sent, max_ops) {
                        break;
                    }
                }
                Ok(None) => page.checkpoint = bundle.logged.header.seq,
                Err(error) if error.code() == Code::Corrupt => {
                    corrupt = recovery::check_contents(access, &contents(bundle))?;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if !corrupt.is_null() || page.checkpoint < to {
            break;
        }
    }
    Ok(json!({
        "project_id": project.to_string(), "peer": peer, "after": after, "checkpoint": page.checkpoint,
        "has_more": page.checkpoint < newest, "bundles": page.bundles, "corrupt": corrupt
    }))
}

struct Page {
    bundles: Vec<Value>,
    ops: i64,
    bytes: i64,
    checkpoint: Seq,
}

impl Page {
    fn has_room(&self, max_ops: i64) -> bool {
        self.bundles.is_empty() || self.ops < max_ops && self.bytes < MAX_CONTENT_BYTES
    }

    /// Adds a bundle, unless it is too much for a page that has one already.
    fn take(&mut self, sent: Sent, max_ops: i64) -> bool {
        let is_too_much = self.ops + sent.ops > max_ops || self.bytes + sent.bytes > MAX_CONTENT_BYTES;
        if is_too_much && !self.bundles.is_empty() {
            return false;
        }
        self.ops += sent.ops;
        self.bytes += sent.bytes;
        self.checkpoint = sent.seq;
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
    bases: HashMap<(Seq, i32), Vec<Base>>,
}

impl Batch {
    fn load(project: ProjectId, after: Seq, up_to: Seq) -> Result<Self> {
        let mut bases: HashMap<(Seq, i32), Vec<Base>> = HashMap::new();
        for base in store::bases(project, after, up_to)? {
            bases.entry((base.seq, base.ordinal)).or_default().push(base);
        }
        let bundles = recovery::load_bundles(project, after, up_to)?;
        Ok(Self { bundles, more: store::more(project, after, up_to)?, bases })
    }

    /// A bundle as it travels; `None` when it does not.
    fn sent(&self, project: ProjectId, peer: &str, bundle: &LoadedBundle, all: bool) -> Result<Option<Sent>> {
        let seq = bundle.logged.header.seq;
        let more = self.more.get(&seq).ok_or_else(|| Error::internal("a bundle is gone"))?;
        let origin = more.details.as_ref().and_then(|details| details.get("origin"));
        let is_from_peer = origin.is_some_and(|origin| origin["peer"].as_str() == Some(peer));
        if bundle.logged.header.kind == "system" || is_from_peer && !all {
            return Ok(None);
        }
        let mut json = match origin {
            Some(origin) => json!({
                "header": origin["header"], "prev_checksum": origin["prev_checksum"], "checksum": origin["checksum"],
                "undoes_bundle_id": origin["undoes_bundle_id"], "display_name": origin["display_name"]
            }),
            None => json!({
                "header": header(&bundle.logged.header)?, "prev_checksum": bundle.logged.previous.to_hex(),
                "checksum": bundle.logged.checksum.to_hex(), "undoes_bundle_id": more.undoes,
                "display_name": more.display_name
            }),
        };
        let ops = match origin.and_then(|origin| origin.get("ops")) {
            Some(ops) => ops.clone(),
            None => bundle
                .ops
                .iter()
                .filter_map(|stored| Some(self.sent_op(seq, stored.ordinal, stored.op.as_ref()?)))
                .collect::<Result<Value>>()?,
        };
        let mut bytes = 0;
        // What is archived or collected does not travel, nor what no JSON could hold.
        let (present, gone) = blob::store::read_present(project, &contents(bundle))?;
        if let Some((hash, stored)) = gone.iter().find(|(_, stored)| stored.state == State::Quarantined) {
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
        Ok(Some(Sent { seq, ops: count, bytes, json }))
    }

    fn sent_op(&self, seq: Seq, ordinal: i32, op: &Op) -> Result<Value> {
        let bases = self.bases.get(&(seq, ordinal)).map(Vec::as_slice).unwrap_or_default();
        op_to_json(op, bases.iter().map(|base| (base.end.clone(), base.bundle)))
    }
}

/// The contents that a bundle's operations name.
fn contents(bundle: &LoadedBundle) -> Vec<Hash> {
    let hashes = bundle.ops.iter().filter_map(|stored| match &stored.op {
        Some(Op::FilePut { content_hash, size, .. } | Op::AssetPut { content_hash, size, .. }) => {
            (*size <= MAX_SENT_BYTES).then_some(*content_hash)
        }
        _ => None,
    });
    hashes.collect::<BTreeSet<Hash>>().into_iter().collect()
}

/// A header, in the members the chain is made of.
pub fn header(header: &BundleHeader) -> Result<Value> {
    serde_json::from_slice(&canonical(header)?).map_err(|_| Error::internal("a header has no JSON form"))
}
