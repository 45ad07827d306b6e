//! Decoders that the views and SQL readers call.

use super::BlobRecord;
use super::state::state_of;
use crate::db::clock::from_pg;
use crate::definer::hand_out;
use crate::raise::or_raise;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use quire_core::content::{self, Codec};
use quire_core::error::{Code, Error, Result};
use quire_core::hash::Hash;

/// Text of a blob that is stored in one piece.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn decode_text(codec: i16, size: i64, hash: &[u8], bytes: &[u8]) -> String {
    or_raise(decode(size, hash, [(codec, size, bytes)].into_iter()).and_then(text))
}

/// What a reader gets for content whose row is gone: XX001.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn missing_text(hash: Option<&[u8]>) -> Option<String> {
    or_raise(Hash::from_bytes(hash.unwrap_or_default()).and_then(|hash| Err(super::missing(&hash))))
}

/// What a reader gets for content that is not present: PT410.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn gone_text(
    hash: Option<&[u8]>,
    state: Option<i16>,
    size: Option<i64>,
    state_at: Option<TimestampWithTimeZone>,
    state_reason: Option<&str>,
) -> Option<String> {
    or_raise(Hash::from_bytes(hash.unwrap_or_default()).and_then(|hash| {
        let stored = BlobRecord {
            state: state_of(state.unwrap_or_default())?,
            size: size.unwrap_or_default(),
            at: state_at.map(from_pg),
            why: state_reason.map(str::to_owned),
        };
        Err(stored.gone(&hash))
    }))
}

/// Text of a blob that is stored in chunks.
#[pg_extern(schema = "quire_store", immutable, parallel_safe)]
fn decode_text_chunks(
    codecs: pgrx::Array<i16>,
    sizes: pgrx::Array<i64>,
    parts: pgrx::Array<&[u8]>,
    size: i64,
    hash: &[u8],
) -> String {
    let chunks = codecs.iter().flatten().zip(sizes.iter().flatten()).zip(parts.iter().flatten());
    or_raise(decode(size, hash, chunks.map(|((codec, size), part)| (codec, size, part))).and_then(text))
}

fn decode<'a>(size: i64, hash: &[u8], parts: impl Iterator<Item = (i16, i64, &'a [u8])>) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    for (codec, size, bytes) in parts {
        content::decode_into(
            Codec::from_stored(codec)?,
            usize::try_from(size).unwrap_or(0),
            bytes,
            &mut whole,
        )?;
    }
    content::verify(&whole, usize::try_from(size).unwrap_or(0), &Hash::from_bytes(hash)?)?;
    hand_out(whole.len() as i64)?;
    Ok(whole)
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::new(Code::Corrupt, "stored text is not UTF-8"))
}
